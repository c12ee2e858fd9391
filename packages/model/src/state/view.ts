import { blockCount, type Geometry } from '../geometry.ts';
import type { MappingLevel } from '../memory-state.ts';
import { type AllocationId, type BlockIndex, type Pfn, pfn as toPfn } from '../units.ts';
import type { CounterName } from './counters.ts';
import type { Frame, StateTables } from './editor.ts';
import {
  ALLOCATION,
  ALLOCATION_WORDS,
  ALLOCATIONS_PER_LEAF,
  BITMAP,
  type BlockLayout,
  blockLayout,
  EXTENT,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  STATUS,
} from './layout.ts';
import { mappingLevelAt } from './mapping.ts';
import { type BitmapName, bitAt, firstDisagreement } from './ranges.ts';

/** One block as it stands; all figures in pages. */
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

export interface Extent {
  readonly pfn: Pfn;
  readonly pages: number;
}

export type AllocationStatus = keyof typeof STATUS;
const STATUS_NAMES = Object.keys(STATUS) as readonly AllocationStatus[];

export interface AllocationView {
  readonly status: AllocationStatus;
  readonly owner: string;
  /** Number of the request that asked for it. */
  readonly request: number;
  readonly bytes: number;
  readonly pages: number;
  /** Extents still held, in the order in which they will be freed. */
  readonly extents: readonly Extent[];
}

/** What a page is: its share state, and whether the pool or an allocation has it. */
export type PageFact = BitmapName;

/** Read-only access to a state, whichever backend carries it. Nothing it returns is shared with the state. */
export class StateView {
  readonly geometry: Geometry;
  readonly #frame: Frame;
  readonly #tables: StateTables;
  readonly #layout: BlockLayout;
  readonly #owners: readonly string[];
  readonly #counter: (name: CounterName) => number;

  constructor(
    frame: Frame,
    tables: StateTables,
    owners: readonly string[],
    counter: (name: CounterName) => number,
  ) {
    this.geometry = frame.geometry;
    this.#frame = frame;
    this.#tables = tables;
    this.#layout = blockLayout(frame.geometry);
    this.#owners = owners;
    this.#counter = counter;
    Object.freeze(this);
  }

  get platform() {
    return this.#frame.platform;
  }

  get blocks(): number {
    return blockCount(this.geometry);
  }

  get owners(): readonly string[] {
    return [...this.#owners];
  }

  counter(name: CounterName): number {
    return this.#counter(name);
  }

  levelAt(pfn: Pfn): MappingLevel {
    return mappingLevelAt(this.#tables, this.geometry, pfn);
  }

  is(fact: PageFact, pfn: Pfn): boolean {
    return bitAt(this.#tables, this.#layout, fact, pfn);
  }

  /** First page of a range for which `fact` is not `value`, or -1 when it holds for all of them. */
  firstWhereNot(fact: PageFact, value: boolean, start: Pfn, pages: number): Pfn | -1 {
    const found = firstDisagreement(this.#tables, this.#layout, fact, start, pages, value);
    return found < 0 ? -1 : toPfn(found);
  }

  /** Pages of a block for which `fact` holds. */
  pagesOf(fact: PageFact, block: BlockIndex): number {
    const { blocks } = this.#tables;
    blocks.read(block);
    return blocks.words[blocks.base + this.#layout.counts + BITMAP[fact]];
  }

  block(block: BlockIndex): BlockView {
    const { blocks } = this.#tables;
    const level = this.levelAt(toPfn(block * this.geometry.pagesPerBlock));
    blocks.read(block);
    const count = (fact: PageFact) => blocks.words[blocks.base + this.#layout.counts + BITMAP[fact]];
    return {
      level,
      claimed: count('claimed'),
      shared: count('shared'),
      unknown: count('unknown'),
      allocated: count('allocated'),
      leaked: count('leaked'),
      touched: blocks.words[blocks.base + this.#layout.touched] === 1,
    };
  }

  /** Whether the id names an allocation that holds pages and that nobody has asked to free. */
  isLive(id: AllocationId): boolean {
    return this.#record(id, ALLOCATION.status) === STATUS.live;
  }

  /** Whether the id names a request for pages that was refused. */
  isRefused(id: AllocationId): boolean {
    return this.#record(id, ALLOCATION.status) === STATUS.failed;
  }

  /** Extents of an allocation that it still holds. */
  extentCount(id: AllocationId): number {
    const at = this.#seek(id);
    const { words } = this.#tables.allocations;
    return words[at + ALLOCATION.extents] - words[at + ALLOCATION.freedExtents];
  }

  /** First page of the next extent to be freed. */
  extentPfn(id: AllocationId): Pfn {
    return toPfn(this.#extent(this.#nextExtent(id), EXTENT.pfn));
  }

  /** Pages of the next extent to be freed. */
  extentPages(id: AllocationId): number {
    return this.#extent(this.#nextExtent(id), EXTENT.pages);
  }

  #nextExtent(id: AllocationId): number {
    const at = this.#seek(id);
    const { words } = this.#tables.allocations;
    return words[at + ALLOCATION.firstExtent] + words[at + ALLOCATION.freedExtents];
  }

  allocation(id: AllocationId): AllocationView {
    const first = this.#record(id, ALLOCATION.firstExtent);
    const freed = this.#record(id, ALLOCATION.freedExtents);
    const extents: Extent[] = [];
    for (let i = first + freed; i < first + this.#record(id, ALLOCATION.extents); i++) {
      extents.push({ pfn: toPfn(this.#extent(i, EXTENT.pfn)), pages: this.#extent(i, EXTENT.pages) });
    }
    return {
      status: STATUS_NAMES[this.#record(id, ALLOCATION.status)],
      owner: this.#owners[this.#record(id, ALLOCATION.owner)] ?? '',
      request: this.#record(id, ALLOCATION.request),
      bytes: this.#record(id, ALLOCATION.bytes),
      pages: this.#record(id, ALLOCATION.pages),
      extents,
    };
  }

  #record(id: number, field: number): number {
    const at = this.#seek(id);
    return this.#tables.allocations.words[at + field];
  }

  /** Points the allocations' cursor at a record and returns where it begins. */
  #seek(id: number): number {
    const { allocations } = this.#tables;
    const leaf = Math.floor(id / ALLOCATIONS_PER_LEAF);
    allocations.read(leaf);
    return allocations.base + (id - leaf * ALLOCATIONS_PER_LEAF) * ALLOCATION_WORDS;
  }

  #extent(number: number, field: number): number {
    const { extents } = this.#tables;
    const leaf = Math.floor(number / EXTENTS_PER_LEAF);
    extents.read(leaf);
    return extents.words[extents.base + (number - leaf * EXTENTS_PER_LEAF) * EXTENT_WORDS + field];
  }
}
