/**
 * Direct compaction (mm/compaction.c). Two scanners walk towards each other: the migrate scanner from the low end of a zone, for pages
 * that can move; the free scanner from its far end, for free pages to move them to. After each pageblock it stops if there is a chunk
 * for the request (__compact_finished()); else it goes on until the scanners meet.
 *
 * Movable are the pages on LRU lists, if the memory state has their number; else all that is in use in Movable pageblocks at the
 * start. Which pages of a pageblock they are is a guess: the first. Claimed pages are not movable.
 *
 * Simpler than the kernel's: each compaction begins at the zone's ends again, and no pageblock is marked to be skipped.
 */

import type { Buddy } from '../page-allocator/buddy.ts';
import { COSTLY_ORDER } from '../page-allocator/chunk-lists.ts';
import { TYPE } from '../page-allocator/migratetypes.ts';
import type { PageAllocator, Zonelist } from '../page-allocator/page-allocator.ts';
import { fallbackOf, mayClaimBlock } from '../page-allocator/rmqueue.ts';
import type { Zone } from '../page-allocator/zone.ts';
import type { ClaimedPages } from './claimed-pages.ts';
import { DeferredCompaction } from './deferred-compaction.ts';
import type { ZoneMap } from './zones.ts';

/** What a compaction did to a block. */
export interface CompactedBlock {
  readonly block: number;
  /** Pages that were copied elsewhere: what it cost. */
  readonly movedPages: number;
}

/**
 * enum compact_priority: `async` moves pages out of pageblocks of the request's own migratetype only, and only if a whole chunk of its
 * order can be emptied; `sync` moves all that can move (COMPACT_PRIO_SYNC_LIGHT).
 */
export type CompactionMode = 'async' | 'sync';
/** enum compact_result. `complete`: the scanners met, and there is no chunk. */
export type CompactionOutcome = 'skipped' | 'deferred' | 'complete' | 'success';

/** Free pages without which compaction is not tried, so that there is where to move to: compact_gap(), include/linux/compaction.h. */
export const compactGap = (order: number): number => 2 << order;

/** compaction_suitable(): enough pages are free above the watermark to move pages to. Else compaction is skipped. */
export function isCompactionSuitable(zone: Zone, order: number, highestZone: number): boolean {
  const mark = order > COSTLY_ORDER ? zone.low : zone.min;
  return zone.isAbove(mark + compactGap(order) - 1, 0, highestZone);
}

export class Compactor {
  readonly #allocator: PageAllocator;
  readonly #buddy: Buddy;
  readonly #zones: ZoneMap;
  readonly #claimed: ClaimedPages;
  readonly #deferred: DeferredCompaction;
  #blocks: CompactedBlock[] = [];

  constructor(allocator: PageAllocator, zones: ZoneMap, claimed: ClaimedPages) {
    this.#allocator = allocator;
    this.#buddy = allocator.buddy;
    this.#zones = zones;
    this.#claimed = claimed;
    this.#deferred = new DeferredCompaction(allocator.zones.length);
  }

  /** Blocks that pages were moved out of since it was last asked. */
  takeBlocks(): readonly CompactedBlock[] {
    const blocks = this.#blocks;
    this.#blocks = [];
    return blocks;
  }

  /** try_to_compact_pages(): one zone after the other, until one has a chunk. */
  compact(
    { zones, highestZone }: Zonelist,
    order: number,
    type: number,
    mode: CompactionMode,
  ): CompactionOutcome {
    let outcome: CompactionOutcome = 'skipped';
    for (const index of zones) {
      const zone = this.#allocator.zones[index];
      if (this.#deferred.isDeferred(index, order)) {
        if (outcome === 'skipped') outcome = 'deferred';
        continue;
      }
      if (!isCompactionSuitable(zone, order, highestZone)) continue;
      if (this.#compactZone(zone, order, type, mode)) {
        this.#deferred.reset(index, order, false);
        return 'success';
      }
      outcome = 'complete';
      if (mode === 'sync') this.#deferred.defer(index, order);
    }
    return outcome;
  }

  /** The request that compacted got a chunk of a zone. */
  served(zone: number, order: number): void {
    this.#deferred.reset(zone, order, true);
  }

  /** compact_zone(). Returns whether there is a chunk for the request now. */
  #compactZone(zone: Zone, order: number, type: number, mode: CompactionMode): boolean {
    const [first, end] = this.#zones.blocksOf(zone.index);
    const target = { block: end - 1 };
    for (let block = first; block < target.block; block++) {
      if (!this.#isSource(zone, block, type, mode)) continue;
      const movable = this.#movablePagesIn(block);
      const wanted = mode === 'sync' ? movable : this.#wholeChunksOf(movable, order);
      const moved = this.#move(zone, block, wanted, target);
      if (moved > 0) this.#blocks.push({ block, movedPages: moved });
      if (moved > 0 && this.#hasChunkFor(zone, order, type)) return true;
    }
    return false;
  }

  /** suitable_migration_source(). */
  #isSource(zone: Zone, block: number, type: number, mode: CompactionMode): boolean {
    const { buddy } = this.#allocator;
    if (buddy.movableIn[block] === 0 || !this.#zones.isWhole(block)) return false;
    if (this.#zones.zoneOfBlock(block) !== zone.index) return false;
    return mode === 'sync' || buddy.typeOf(block * buddy.pageblockPages) === type;
  }

  /** isolate_migratepages_block(): pages that can move, in order of their addresses. */
  #movablePagesIn(block: number): number[] {
    const { lists, movableIn, pageblockPages } = this.#buddy;
    const end = (block + 1) * pageblockPages;
    const pages: number[] = [];
    for (let pfn = block * pageblockPages; pfn < end && pages.length < movableIn[block]; ) {
      const order = lists.orderAt(pfn);
      if (order < 0 && !this.#claimed.has(pfn, 0)) pages.push(pfn);
      pfn += order < 0 ? 1 : 1 << order;
    }
    return pages;
  }

  /** Those of the pages without which a chunk of the order would be free: others are not worth moving. */
  #wholeChunksOf(pages: readonly number[], order: number): number[] {
    const { lists } = this.#buddy;
    const size = 1 << order;
    const isMovable = new Set(pages);
    const isWhole = (start: number): boolean => {
      for (let pfn = start; pfn < start + size; ) {
        const free = lists.orderAt(pfn);
        if (free < 0 && !isMovable.has(pfn)) return false;
        pfn += free < 0 ? 1 : 1 << free;
      }
      return true;
    };
    const starts = new Map([...new Set(pages.map((pfn) => pfn & -size))].map((at) => [at, isWhole(at)]));
    return pages.filter((pfn) => starts.get(pfn & -size) === true);
  }

  /** migrate_pages(): to free pages above, as far as there are any. Returns how many. */
  #move(zone: Zone, block: number, pages: readonly number[], target: { block: number }): number {
    const buddy = this.#buddy;
    let moved = 0;
    while (moved < pages.length && target.block > block) {
      const taken = this.#takePagesIn(zone, target.block, pages.length - moved);
      buddy.movableIn[target.block] += taken;
      for (let each = 0; each < taken; each++) buddy.free(zone, pages[moved++], 0);
      if (this.#roomIn(zone, target.block) === 0) target.block--;
    }
    buddy.movableIn[block] -= moved;
    return moved;
  }

  /** Free pages in a pageblock that pages may move to: a Movable one, not free as a whole (suitable_migration_target()). */
  #roomIn(zone: Zone, block: number): number {
    const { freePagesIn, pageblockPages } = this.#buddy;
    const isTarget =
      freePagesIn[block] < pageblockPages &&
      this.#zones.zoneOfBlock(block) === zone.index &&
      this.#buddy.typeOf(block * pageblockPages) === TYPE.Movable;
    return isTarget ? freePagesIn[block] : 0;
  }

  /** isolate_freepages(): takes up to `wanted` free pages of a pageblock in address order, and returns how many there were. */
  #takePagesIn(zone: Zone, block: number, wanted: number): number {
    const { lists, pageblockPages } = this.#buddy;
    if (this.#roomIn(zone, block) === 0) return 0;
    const end = (block + 1) * pageblockPages;
    let taken = 0;
    for (let pfn = block * pageblockPages; pfn < end && taken < wanted; ) {
      const order = lists.buddyOrder(pfn);
      if (order < 0) {
        pfn++;
        continue;
      }
      const next = pfn + (1 << order);
      const used = Math.min(1 << order, wanted - taken);
      this.#buddy.takeChunk(zone, pfn);
      for (let rest = pfn + used; rest < next; rest++) this.#buddy.free(zone, rest, 0);
      taken += used;
      pfn = next;
    }
    return taken;
  }

  /** __compact_finished(): a chunk of the request's migratetype, or one whose pageblock may change sides. */
  #hasChunkFor(zone: Zone, order: number, type: number): boolean {
    if (this.#buddy.lists.smallestOrder(zone.index, order, type) >= 0) return true;
    for (let current = order; current <= this.#buddy.pageblockOrder; current++) {
      if (!mayClaimBlock(this.#buddy, current, type)) continue;
      if (fallbackOf(this.#buddy, zone, current, type) >= 0) return true;
    }
    return false;
  }
}
