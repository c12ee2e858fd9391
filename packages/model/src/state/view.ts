import { blockCount, type Geometry } from '../geometry.ts';
import type { MappingLevel } from '../memory-state.ts';
import { APIS, type Api, cpuOf, gfpOf, nodeOf } from '../requests.ts';
import { type AllocationId, allocationId, type BlockIndex, type Pfn, pfn as toPfn } from '../units.ts';
import type { CounterName } from './counters.ts';
import type { Machine, StateTables } from './editor.ts';
import {
  ALLOCATION,
  AREA_MAPPED,
  BITMAP,
  type BlockLayout,
  blockLayout,
  EXTENT,
  SLAB,
  STATUS,
} from './layout.ts';
import { entryPagesAt, mappingLevelAt, wasSplit } from './mapping.ts';
import { type BitmapName, bitAt, firstDisagreement } from './ranges.ts';
import { fillsPages, seekExtent, seekRecord } from './records.ts';

/** One block; all figures in pages. */
export interface BlockView {
  readonly level: MappingLevel;
  readonly claimed: number;
  readonly shared: number;
  readonly unknown: number;
  readonly allocated: number;
  readonly leaked: number;
  /** Whether a page of the block has ever been shared. */
  readonly touched: boolean;
}

/** A run of pages of an allocation. */
export interface Extent {
  readonly pfn: Pfn;
  readonly pages: number;
}

/** What became of an allocation. */
export type AllocationStatus = keyof typeof STATUS;
const STATUS_NAMES = Object.keys(STATUS) as readonly AllocationStatus[];

/** One allocation, live or past. */
export interface AllocationView {
  readonly status: AllocationStatus;
  readonly owner: string;
  /** Number of the request that asked for it. */
  readonly request: number;
  readonly bytes: number;
  readonly pages: number;
  /** Extents still held, in the order in which they will be freed. */
  readonly extents: readonly Extent[];
  readonly api: Api;
  /** Flags of GFP. */
  readonly gfp: number;
  /** NUMA node asked for; ANY_NODE for none. */
  readonly node: number;
  /** CPU that asked. */
  readonly cpu: number;
  /** Mappings into user space. */
  readonly userMappings: number;
  /** Whether a vmalloc area maps its pages. */
  readonly isMapped: boolean;
  /** Where an object lies; undefined for an allocation of pages. */
  readonly object?: ObjectView;
}

/** Units of a slab. */
export interface ObjectView {
  readonly slab: number;
  readonly unit: number;
  readonly units: number;
}

/** One slab of small objects. */
export interface SlabView {
  readonly pfn: Pfn;
  readonly pages: number;
  /** Name of the cache. */
  readonly cache: string;
  readonly unitBytes: number;
  readonly units: number;
  readonly usedUnits: number;
}

/** What a page is: its share state, and whether the pool or an allocation has it. */
export type PageFact = BitmapName;

/** Read-only access to a state of either backend. Nothing it returns is shared with the state. */
export class StateView {
  readonly geometry: Geometry;
  readonly #machine: Machine;
  readonly #tables: StateTables;
  readonly #layout: BlockLayout;
  readonly #owners: readonly string[];
  readonly #counter: (name: CounterName) => number;

  constructor(
    machine: Machine,
    tables: StateTables,
    owners: readonly string[],
    counter: (name: CounterName) => number,
  ) {
    this.geometry = machine.geometry;
    this.#machine = machine;
    this.#tables = tables;
    this.#layout = blockLayout(machine.geometry);
    this.#owners = owners;
    this.#counter = counter;
    Object.freeze(this);
  }

  get platform() {
    return this.#machine.platform;
  }

  get blocks(): number {
    return blockCount(this.geometry);
  }

  get owners(): readonly string[] {
    return [...this.#owners];
  }

  /** Value of a counter. */
  counter(name: CounterName): number {
    return this.#counter(name);
  }

  /** How the direct map maps a page. */
  levelAt(pfn: Pfn): MappingLevel {
    return mappingLevelAt(this.#tables, this.geometry, pfn);
  }

  /** Whether the 2M entry of a block was split during the run and not restored since: only such a block can be. */
  wasSplit(block: BlockIndex): boolean {
    return wasSplit(this.#tables, this.geometry, block);
  }

  /** Whether a fact holds for a page. */
  is(fact: PageFact, pfn: Pfn): boolean {
    return bitAt(this.#tables, this.#layout, BITMAP[fact], pfn);
  }

  /** First page of a range for which `fact` is not `value`, or -1 when it holds for all of them. */
  firstWhereNot(fact: PageFact, value: boolean, start: Pfn, pages: number): Pfn | -1 {
    const found = firstDisagreement(this.#tables, this.#layout, BITMAP[fact], start, pages, value);
    return found < 0 ? -1 : toPfn(found);
  }

  /** Pages of a block for which a fact holds. */
  pagesOf(fact: PageFact, block: BlockIndex): number {
    const { blocks } = this.#tables;
    blocks.read(block);
    return blocks.words[blocks.base + this.#layout.counts + BITMAP[fact]];
  }

  /** Begin and end, in the block, of each maximal run of free pages: claimed, and not allocated, unknown or leaked. */
  freeRuns(block: BlockIndex): number[] {
    const { blocks } = this.#tables;
    blocks.read(block);
    const { words, base } = blocks;
    const { bitmapWords: size } = this.#layout;
    const runs: number[] = [];
    let isInRun = false;
    for (let word = 0; word < size; word++) {
      const at = base + word;
      const taken =
        words[at + BITMAP.allocated * size] |
        words[at + BITMAP.unknown * size] |
        words[at + BITMAP.leaked * size];
      const free = words[at + BITMAP.claimed * size] & ~taken;
      if (free === (isInRun ? -1 : 0)) continue;
      for (let bit = 0; bit < 32; bit++) {
        if (((free >>> bit) & 1) === Number(isInRun)) continue;
        runs.push(word * 32 + bit);
        isInRun = !isInRun;
      }
    }
    if (isInRun) runs.push(size * 32);
    return runs;
  }

  /** What is known of a block. */
  block(block: BlockIndex): BlockView {
    const { blocks } = this.#tables;
    const level = this.levelAt(toPfn(block * this.geometry.pagesPerBlock));
    blocks.read(block);
    const { words } = blocks;
    const at = blocks.base + this.#layout.counts;
    return {
      level,
      claimed: words[at + BITMAP.claimed],
      shared: words[at + BITMAP.shared],
      unknown: words[at + BITMAP.unknown],
      allocated: words[at + BITMAP.allocated],
      leaked: words[at + BITMAP.leaked],
      touched: words[blocks.base + this.#layout.touched] === 1,
    };
  }

  /** Allocations that are not over, and some that are, ascending. All others that were asked for are freed. */
  *allocations(): Generator<AllocationId> {
    const { allocations } = this.#tables;
    const last = this.#counter('lastAllocation');
    for (let id = allocations.nextInUse(1); id <= last; id = allocations.nextInUse(id + 1)) {
      yield allocationId(id);
    }
  }

  /** Whether an allocation holds pages and was not asked to be freed. */
  isLive(id: AllocationId): boolean {
    return this.#record(id, ALLOCATION.status) === STATUS.live;
  }

  /** Whether an allocation was refused. */
  isRefused(id: AllocationId): boolean {
    return this.#record(id, ALLOCATION.status) === STATUS.failed;
  }

  /** How many extents an allocation still holds. */
  extentCount(id: AllocationId): number {
    const base = seekRecord(this.#tables, id);
    const { words } = this.#tables.allocations;
    return words[base + ALLOCATION.extents] - words[base + ALLOCATION.freedExtents];
  }

  /** First page of the next extent to be freed. */
  extentPfn(id: AllocationId): Pfn {
    return toPfn(this.#record(id, ALLOCATION.nextPfn));
  }

  /** Pages of the next extent to be freed. */
  extentPages(id: AllocationId): number {
    return this.#record(id, ALLOCATION.nextPages);
  }

  /** What is known of an allocation, with the extents that it still holds. */
  allocation(id: AllocationId): AllocationView {
    const first = this.#record(id, ALLOCATION.firstExtent);
    const freed = this.#record(id, ALLOCATION.freedExtents);
    const extents: Extent[] = [];
    for (let i = first + freed; i < first + this.#record(id, ALLOCATION.extents); i++) {
      extents.push({ pfn: toPfn(this.#extent(i, EXTENT.pfn)), pages: this.#extent(i, EXTENT.pages) });
    }
    const attributes = this.#record(id, ALLOCATION.attributes);
    const api = this.#record(id, ALLOCATION.api);
    const slab = this.#record(id, ALLOCATION.slab);
    const units = this.#record(id, ALLOCATION.units);
    const status = STATUS_NAMES[this.#record(id, ALLOCATION.status)];
    const wasGiven = id > 0 && id <= this.#counter('lastAllocation');
    return {
      status: status === 'unused' && wasGiven ? 'freed' : status,
      owner: this.#owners[this.#record(id, ALLOCATION.owner)] ?? '',
      request: this.#record(id, ALLOCATION.request),
      bytes: this.#record(id, ALLOCATION.bytes),
      pages: this.#record(id, ALLOCATION.pages),
      extents,
      api: APIS[api & ~AREA_MAPPED],
      gfp: gfpOf(attributes),
      node: nodeOf(attributes),
      cpu: cpuOf(attributes),
      userMappings: this.#record(id, ALLOCATION.userMappings),
      isMapped: (api & AREA_MAPPED) !== 0,
      ...(slab === 0 ? {} : { object: { slab, unit: units & 0xffff, units: units >>> 16 } }),
    };
  }

  /** A slab by its number; undefined when it was never created or is destroyed. */
  slab(number: number): SlabView | undefined {
    const { slabs } = this.#tables;
    slabs.read(number);
    const { words, base } = slabs;
    if (words[base + SLAB.status] !== 1) return undefined;
    return {
      pfn: toPfn(words[base + SLAB.pfn]),
      pages: words[base + SLAB.pages],
      cache: this.#owners[words[base + SLAB.cache]] ?? '',
      unitBytes: words[base + SLAB.unitBytes],
      units: words[base + SLAB.units],
      usedUnits: words[base + SLAB.usedUnits],
    };
  }

  /** Slab that an allocation's object lies in; 0 for an allocation of pages. */
  slabOf(id: AllocationId): number {
    return this.#record(id, ALLOCATION.slab);
  }

  /** Whether an allocation shares no page with another: one of pages, or an object that fills the pages it lies in. */
  isWholePages(id: AllocationId): boolean {
    const slab = this.#record(id, ALLOCATION.slab);
    if (slab === 0) return true;
    return fillsPages(this.#tables, this.geometry, slab, this.#record(id, ALLOCATION.units));
  }

  /** Mappings of an allocation into user space. */
  userMappings(id: AllocationId): number {
    return this.#record(id, ALLOCATION.userMappings);
  }

  /** Whether a vmalloc area maps the pages of an allocation. */
  isMapped(id: AllocationId): boolean {
    return (this.#record(id, ALLOCATION.api) & AREA_MAPPED) !== 0;
  }

  /** The kernel interface that an allocation was requested by. */
  apiOf(id: AllocationId): Api {
    return APIS[this.#record(id, ALLOCATION.api) & ~AREA_MAPPED];
  }

  /** Owner's number of an allocation. */
  ownerOf(id: AllocationId): number {
    return this.#record(id, ALLOCATION.owner);
  }

  /** Pages of the direct-map entry, or run of contiguous entries, that maps a page. */
  entryPagesAt(pfn: Pfn): number {
    return entryPagesAt(this.#tables, this.geometry, pfn);
  }

  #record(id: number, field: number): number {
    const at = seekRecord(this.#tables, id);
    return this.#tables.allocations.words[at + field];
  }

  #extent(number: number, field: number): number {
    const at = seekExtent(this.#tables, number);
    return this.#tables.extents.words[at + field];
  }
}
// Policies hold views.
Object.freeze(StateView.prototype);
