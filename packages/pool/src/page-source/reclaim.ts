/**
 * Reclaim (mm/vmscan.c) as a process: kswapd frees page cache when a zone is below its low watermark, until one is above the high
 * one; a request that finds nothing frees some itself (direct reclaim).
 *
 * Which pages go first is a seeded guess: whole pageblocks at random, each from its first page on, since a file that is read in one go
 * lies in neighbouring pages and on the LRU list in that order. All pages on LRU lists count as page cache: there is no swap.
 */
import type { MemoryState } from '@decpool/model';
import { COSTLY_ORDER } from '../page-allocator/chunk-lists.ts';
import type { PageAllocator, Zonelist } from '../page-allocator/page-allocator.ts';
import type { Zone } from '../page-allocator/zone.ts';
import type { ClaimedPages } from './claimed-pages.ts';
import { compactGap, isCompactionSuitable } from './compaction.ts';
import { randomFrom, shuffle } from './random.ts';
import type { ZoneMap } from './zones.ts';

/** SWAP_CLUSTER_MAX, include/linux/swap.h: pages reclaimed at once. */
const CLUSTER = 32;
/** Where kswapd frees: an assumption, as the kernel runs it on any CPU of its node. */
const KSWAPD_CPU = 0;

/** Pages that became free, in the order in which they did. */
export interface ReclaimedRun {
  readonly pfn: number;
  readonly pages: number;
}

export class Reclaim {
  readonly #allocator: PageAllocator;
  readonly #zones: ZoneMap;
  readonly #isRam: (pfn: number) => boolean;
  /** These pages are not page cache. */
  readonly #claimed: ClaimedPages;
  /** Pageblocks with page cache of each zone, the next to be reclaimed last. */
  readonly #blocks: readonly number[][];
  #runs: { pfn: number; pages: number }[] = [];

  constructor(
    allocator: PageAllocator,
    zones: ZoneMap,
    memory: MemoryState,
    claimed: ClaimedPages,
    seed: number,
  ) {
    this.#allocator = allocator;
    this.#zones = zones;
    this.#claimed = claimed;
    this.#isRam = (pfn) =>
      memory.zones.some(({ ram }) => ram.some(([start, pages]) => pfn >= start && pfn < start + pages));
    const random = randomFrom(seed ^ 0x5bd1e995);
    this.#blocks = memory.zones.map((_, zone) =>
      shuffle(
        zones.blocksIn(zone).filter((block) => allocator.buddy.movableIn[block] > 0),
        random,
      ),
    );
  }

  /** What was reclaimed since it was last asked. */
  takeRuns(): readonly ReclaimedRun[] {
    const runs = this.#runs;
    this.#runs = [];
    return runs;
  }

  /**
   * balance_pgdat(): reclaims until a zone is above its high watermark with a chunk for `order`. Once compact_gap() pages are
   * reclaimed a chunk is left to compaction, and single pages are enough (kswapd_shrink_node()).
   */
  balance({ zones, highestZone }: Zonelist, order: number): void {
    let reclaimed = 0;
    const isBalanced = () => {
      const wanted = reclaimed >= compactGap(order) ? 0 : order;
      return zones.some((index) => {
        const zone = this.#allocator.zones[index];
        return zone.isAbove(zone.high + zone.boost, wanted, highestZone);
      });
    };
    while (!isBalanced()) {
      const freed = this.#shrink(zones, CLUSTER, KSWAPD_CPU);
      if (freed === 0) return;
      reclaimed += freed;
    }
    for (const index of zones) this.#allocator.zones[index].boost = 0;
  }

  /**
   * try_to_free_pages(): a cluster of each zone, and for chunks above COSTLY_ORDER more, until compaction has room
   * (shrink_zones(), should_continue_reclaim()). Returns how many pages.
   */
  reclaimDirectly({ zones, highestZone }: Zonelist, order: number, cpu: number): number {
    if (order <= COSTLY_ORDER) return this.#shrink(zones, CLUSTER, cpu);
    const all = zones.map((index) => this.#allocator.zones[index]);
    let freed = 0;
    for (;;) {
      const short = all.filter((zone) => !isCompactionReady(zone, order, highestZone));
      const now = this.#shrink(
        short.map(({ index }) => index),
        CLUSTER,
        cpu,
      );
      freed += now;
      const hasRoom = all.some(
        (zone) =>
          zone.isAbove(zone.min, order, highestZone) || isCompactionSuitable(zone, order, highestZone),
      );
      // As in the kernel: what frees nothing now would not do so next.
      if (now === 0 || hasRoom || this.#pagesLeftIn(zones) <= compactGap(order)) return freed;
    }
  }

  /** Page cache of zones. */
  #pagesLeftIn(zones: readonly number[]): number {
    const { movableIn } = this.#allocator.buddy;
    let pages = 0;
    for (const index of zones) for (const block of this.#blocks[index]) pages += movableIn[block];
    return pages;
  }

  /** Reclaims up to so many pages of each zone. */
  #shrink(zones: readonly number[], pages: number, cpu: number): number {
    let freed = 0;
    for (const index of zones) {
      const zone = this.#allocator.zones[index];
      zone.isReclaiming = true;
      freed += this.#shrinkZone(zone, this.#blocks[index], pages, cpu);
      zone.isReclaiming = false;
    }
    return freed;
  }

  #shrinkZone(zone: Zone, blocks: number[], wanted: number, cpu: number): number {
    const { movableIn } = this.#allocator.buddy;
    let freed = 0;
    while (freed < wanted && blocks.length > 0) {
      const block = blocks[blocks.length - 1];
      freed += this.#freePagesOf(zone, block, Math.min(wanted - freed, movableIn[block]), cpu);
      if (movableIn[block] === 0) blocks.pop();
    }
    return freed;
  }

  /** Frees page cache of a pageblock, from its first page on; if there is less than was thought, there is none any more. */
  #freePagesOf(zone: Zone, block: number, wanted: number, cpu: number): number {
    const { buddy } = this.#allocator;
    const end = (block + 1) * buddy.pageblockPages;
    let freed = 0;
    const isWhole = this.#zones.isWhole(block);
    for (let pfn = block * buddy.pageblockPages; pfn < end && freed < wanted; pfn++) {
      if (buddy.lists.covers(pfn, 0) || this.#claimed.has(pfn, 0) || !(isWhole || this.#isRam(pfn))) continue;
      this.#allocator.free(cpu, zone, pfn, 0);
      this.#note(pfn);
      freed++;
    }
    buddy.movableIn[block] = freed < wanted ? 0 : buddy.movableIn[block] - freed;
    return freed;
  }

  #note(pfn: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && last.pfn + last.pages === pfn) last.pages++;
    else this.#runs.push({ pfn, pages: 1 });
  }
}

/** compaction_ready(): a zone that needs no reclaim for the request, since compaction can begin. */
const isCompactionReady = (zone: Zone, order: number, highestZone: number): boolean =>
  zone.isAbove(zone.min, order, highestZone) ||
  (isCompactionSuitable(zone, order, highestZone) &&
    zone.isAbove(zone.high + compactGap(order), 0, highestZone));
