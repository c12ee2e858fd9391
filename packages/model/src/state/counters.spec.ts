/** All counters of the state, against a plain count of the same events that knows pages, blocks and allocations one by one. */
import { expect, it } from 'vitest';
import { columnsOf } from '../events/batch.ts';
import type { PoolEvent } from '../events/schema.ts';
import { type Direction, flushCount, flushesFor, hostCallsByPage, hostCallsFor } from '../platform.ts';
import { PLATFORM_NAMES, type PlatformName } from '../platforms/all.ts';
import { batchOf, historyOf, SMALL, SMALL_MAP, smallMachine, someChoices } from '../testing.ts';
import { pfn } from '../units.ts';
import { Columns } from './columns.ts';
import { type Counters, zeroCounters } from './counters.ts';
import type { Machine } from './editor.ts';

const { pagesPerBlock, blocksPerRegion, spanPages } = SMALL;
const BLOCKS = Array.from({ length: spanPages / pagesPerBlock }, (_, block) => block);

const blockOf = (page: number) => Math.floor(page / pagesPerBlock);
const regionOf = (page: number) => Math.floor(blockOf(page) / blocksPerRegion);

/** What is known of an allocation. */
interface Known {
  readonly bytes: number;
  isLive: boolean;
  isFreed: boolean;
  extents: number;
}

class PlainCount {
  readonly #machine: Machine;
  readonly counters = zeroCounters();
  /** Level of each block. */
  readonly #levels: number[];
  /** Of each page. */
  readonly #sharing: ('private' | 'shared' | 'unknown')[] = new Array(spanPages).fill('private');
  readonly #touched = new Set<number>();
  readonly #allocations = new Map<number, Known>();
  /** Pages of each slab. */
  readonly #slabs: number[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#levels = BLOCKS.map((block) => {
      const run = SMALL_MAP.find(
        ([start, pages]) => start <= block * pagesPerBlock && block * pagesPerBlock < start + pages,
      );
      if (run === undefined) return 0;
      return machine.platform.directMap === 'pages' ? 1 : run[2];
    });
  }

  take(event: PoolEvent): void {
    const { counters } = this;
    counters.events++;
    counters.time = event.time;
    this.#count(event);
    this.#recount();
  }

  #count(event: PoolEvent): void {
    const { counters } = this;
    switch (event.type) {
      case 'owner-registered':
        counters.owners++;
        break;
      case 'allocation-requested':
        counters.requests++;
        counters.lastAllocation++;
        this.#allocations.set(event.allocation, {
          bytes: event.bytes,
          isLive: false,
          isFreed: false,
          extents: 0,
        });
        break;
      case 'free-requested':
        counters.requests++;
        this.#of(event.allocation).isFreed = true;
        break;
      case 'allocation-failed':
        counters.failedRequests++;
        this.#end(event.allocation);
        break;
      case 'user-mapped':
      case 'user-unmapped':
        counters.requests++;
        counters.userMapRequests++;
        counters.userMappings += event.type === 'user-mapped' ? 1 : -1;
        break;
      case 'pages-claimed':
        counters.claimedPages += event.pages;
        break;
      case 'pages-returned':
        counters.claimedPages -= event.pages;
        break;
      case 'pages-leaked':
        counters.leakedPages += event.pages;
        break;
      case 'pages-allocated': {
        counters.extents++;
        counters.livePages += event.pages;
        this.#of(event.allocation).extents++;
        this.#begin(event.allocation);
        break;
      }
      case 'pages-freed': {
        counters.livePages -= event.pages;
        const known = this.#of(event.allocation);
        known.extents--;
        if (known.isFreed && known.extents === 0) this.#end(event.allocation);
        break;
      }
      case 'slab-created':
        counters.slabs++;
        counters.liveSlabs++;
        counters.slabPages += event.pages;
        this.#slabs.push(event.pages);
        if (event.allocation !== 0) {
          counters.livePages -= event.pages;
          this.#of(event.allocation).extents--;
        }
        break;
      case 'slab-destroyed': {
        const pages = this.#slabs[event.slab - 1];
        counters.extents++;
        counters.liveSlabs--;
        counters.slabPages -= pages;
        counters.livePages += pages;
        this.#of(event.allocation).extents++;
        break;
      }
      case 'object-allocated':
        counters.liveObjects++;
        this.#begin(event.allocation);
        break;
      case 'object-freed':
        counters.liveObjects--;
        this.#end(event.allocation);
        break;
      case 'vm-area-mapped':
        counters.vmAreaPages += event.pages;
        break;
      case 'vm-area-unmapped':
        counters.vmAreaPages -= event.pages;
        break;
      case 'background-allocated':
        counters.backgroundPages += event.pages;
        break;
      case 'background-freed':
        counters.backgroundPages -= event.pages;
        break;
      case 'reserve-refilled':
        counters.refills++;
        break;
      case 'block-compacted':
        counters.compactions++;
        counters.movedPages += event.pages;
        break;
      case 'large-page-split':
      case 'large-page-restored':
      case 'contiguous-split':
        this.#map(event);
        break;
      case 'pages-decrypted':
        this.#convert('decrypt', event.pfn, event.pages, undefined, 'shared');
        break;
      case 'pages-encrypted':
        this.#convert('encrypt', event.pfn, event.pages, undefined, 'private');
        break;
      case 'vm-area-decrypted':
        this.#convert('decrypt', event.pfn, event.pages, event.offset, 'shared');
        break;
      case 'vm-area-encrypted':
        this.#convert('encrypt', event.pfn, event.pages, event.offset, 'private');
        break;
      case 'conversion-failed':
        this.#convert(event.direction, event.pfn, event.pages, event.offset, 'unknown');
        break;
    }
  }

  #of(allocation: number): Known {
    const known = this.#allocations.get(allocation);
    if (known === undefined) throw new Error(`allocation ${allocation} was never requested`);
    return known;
  }

  #begin(allocation: number): void {
    const known = this.#of(allocation);
    if (known.isLive) return;
    known.isLive = true;
    this.counters.liveAllocations++;
    this.counters.liveBytes += known.bytes;
  }

  #end(allocation: number): void {
    const known = this.#of(allocation);
    if (!known.isLive) return;
    known.isLive = false;
    this.counters.liveAllocations--;
    this.counters.liveBytes -= known.bytes;
  }

  #map(
    event: PoolEvent & { readonly type: 'large-page-split' | 'large-page-restored' | 'contiguous-split' },
  ): void {
    const { counters } = this;
    const isFlushed = this.#machine.platform.flushesSplits !== false;
    const block = blockOf(event.pfn);
    if (event.type === 'large-page-restored') {
      this.#levels[block] = 2;
      counters.restores2M++;
      counters.pageTablePages--;
      counters.fullFlushes++;
    } else if (event.type === 'contiguous-split') {
      if (event.level === 2) counters.splits32M++;
      else counters.splits64K++;
      if (isFlushed) counters.rangedFlushes++;
    } else {
      if (event.level === 3) {
        counters.splits1G++;
        this.#levels.fill(2, block, block + blocksPerRegion);
      } else {
        counters.splits2M++;
        this.#levels[block] = 1;
      }
      counters.pageTablePages++;
      if (isFlushed) counters.fullFlushes++;
    }
  }

  /** `offset`: of a call on a vmalloc address, which is counted with its first run. */
  #convert(
    direction: Direction,
    start: number,
    pages: number,
    offset: number | undefined,
    to: 'private' | 'shared' | 'unknown',
  ): void {
    const { counters } = this;
    const { platform, geometry } = this.#machine;
    const isCounted = offset === undefined || offset === 0;
    if (isCounted && to === 'unknown') counters.failedConversions++;
    if (isCounted && to !== 'unknown') counters.conversions++;
    if (isCounted) counters.pageTablePasses += platform.pageTablePasses;
    if (to !== 'unknown') counters.convertedPages += pages;
    if (to === 'shared') counters.zeroedPages += pages;
    const entries = new Set<string>();
    for (let page = start; page < start + pages; page++) {
      this.#sharing[page] = to;
      if (to !== 'private') this.#touched.add(blockOf(page));
      const level = this.#levels[blockOf(page)];
      entries.add(level === 3 ? `1G ${regionOf(page)}` : level === 2 ? `2M ${blockOf(page)}` : `4K ${page}`);
    }
    if (offset !== undefined) {
      counters.hostCalls += hostCallsByPage(platform, offset, pages);
      if (to !== 'unknown') counters.mappingChanges += pages;
      if (isCounted) counters.fullFlushes += flushCount(platform, direction);
      return;
    }
    counters.hostCalls += hostCallsFor(platform, geometry, pfn(start), pages);
    if (to !== 'unknown' && platform.directMap !== 'untouched') counters.mappingChanges += entries.size;
    const { full, ranged } = flushesFor(platform, pages, direction);
    counters.fullFlushes += full;
    counters.rangedFlushes += ranged;
  }

  /** What follows from the pages and blocks as they are. */
  #recount(): void {
    const { counters } = this;
    const levelOf = (page: number) => this.#levels[blockOf(page)];
    const isExposed = (page: number) => this.#sharing[page] !== 'private';
    const pages = Array.from(this.#sharing.keys());
    const count = (isOne: (page: number) => boolean) => pages.filter(isOne).length;
    counters.sharedPages = count((page) => this.#sharing[page] === 'shared');
    counters.unknownPages = count((page) => this.#sharing[page] === 'unknown');
    counters.mapped4KPages = count((page) => levelOf(page) === 1);
    counters.mapped2MPages = count((page) => levelOf(page) === 2);
    counters.mapped1GPages = count((page) => levelOf(page) === 3);
    counters.borders = count(
      (page) => page + 1 < spanPages && levelOf(page) !== 0 && !isExposed(page) && isExposed(page + 1),
    );
    const exposedIn = BLOCKS.map((block) => count((page) => blockOf(page) === block && isExposed(page)));
    counters.sharedBlocks = exposedIn.filter((exposed) => exposed > 0).length;
    counters.mixedBlocks = exposedIn.filter((exposed) => exposed > 0 && exposed < pagesPerBlock).length;
    counters.touchedBlocks = this.#touched.size;
  }
}

const HISTORIES = PLATFORM_NAMES.map((name): [PlatformName, Machine, readonly PoolEvent[]] => {
  const machine = smallMachine(name, true);
  return [name, machine, historyOf(machine, SMALL_MAP, someChoices(220))];
});

it.each(HISTORIES)('every counter is a plain count of the events before it, on %s', (_, machine, events) => {
  const columns = new Columns(machine, SMALL_MAP);
  const plain = new PlainCount(machine);
  const batch = columnsOf(batchOf(events));
  const changed = new Set<string>();
  for (const [row, event] of events.entries()) {
    columns.evolve(batch, row);
    plain.take(event);
    if (row % 7 === 0 || row > events.length - 20) expect(columns.publishCounters()).toEqual(plain.counters);
  }
  const end: Counters = plain.counters;
  for (const [name, value] of Object.entries(end)) if (value !== 0) changed.add(name);
  expect(changed.size).toBeGreaterThan(25);
});
