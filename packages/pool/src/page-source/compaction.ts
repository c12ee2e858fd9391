/**
 * Compaction (mm/compaction.c): empties a pageblock by moving its pages elsewhere. Two scanners walk towards each
 * other: the migrate scanner from the low end of a zone, looking for a pageblock to empty; the free scanner from its
 * far end, looking for free pages to move to.
 *
 * Movable are the pages on LRU lists, if the memory state has their number; else all that is in use in Movable pageblocks at
 * the start. Claimed pages are not, so one of them keeps its pageblock from being emptied.
 *
 * Simpler than the kernel's: one pageblock is emptied whole, by pages that fit, or nothing is moved at all; the
 * kernel moves what it can, stops as soon as a chunk of the wanted order is there, and gives up for a while after
 * failures (compact_defer).
 */

import type { Buddy } from '../page-allocator/buddy.ts';
import { COSTLY_ORDER } from '../page-allocator/chunk-lists.ts';
import { TYPE } from '../page-allocator/migratetypes.ts';
import type { Zone } from '../page-allocator/zone.ts';
import type { ZoneMap } from './zones.ts';

/** What a compaction did. */
export interface CompactionResult {
  /** The block that is free now. */
  readonly block: number;
  /** Pages that were copied elsewhere: what it cost. */
  readonly movedPages: number;
}

/** Free pages without which compaction is not tried, so that there is where to move to: compact_gap(), include/linux/compaction.h. */
export const compactGap = (order: number): number => 2 << order;

/** Frees a pageblock of a zone; undefined when that cannot be. */
export function compactZone(buddy: Buddy, zone: Zone, zones: ZoneMap): CompactionResult | undefined {
  return new Compaction(buddy, zone, zones).run();
}

/** compaction_suitable(): enough pages are free above the watermark to move pages to. Else compaction is skipped. */
export function isCompactionSuitable(zone: Zone, order: number, highestZone: number): boolean {
  const mark = order > COSTLY_ORDER ? zone.low : zone.min;
  return zone.isAbove(mark + compactGap(order) - 1, 0, highestZone);
}

class Compaction {
  readonly #buddy: Buddy;
  readonly #zone: Zone;
  readonly #zones: ZoneMap;

  constructor(buddy: Buddy, zone: Zone, zones: ZoneMap) {
    this.#buddy = buddy;
    this.#zone = zone;
    this.#zones = zones;
  }

  run(): CompactionResult | undefined {
    const [first, end] = this.#zones.blocksOf(this.#zone.index);
    let room = 0;
    for (let block = first; block < end; block++) room += this.#roomIn(block);
    for (let block = first; block < end; block++) {
      room -= this.#roomIn(block);
      const used = this.#usedIn(block);
      if (used === 0 || used > room || !this.#canEmpty(block, used)) continue;
      this.#takeFarPages(used);
      this.#freeUsedPages(block);
      this.#buddy.movableIn[block] = 0;
      return { block, movedPages: used };
    }
    return undefined;
  }

  #usedIn(block: number): number {
    return this.#buddy.pageblockPages - this.#buddy.freePagesIn[block];
  }

  #isMovableBlock(block: number): boolean {
    return (
      this.#zones.zoneOfBlock(block) === this.#zone.index &&
      this.#buddy.typeOf(block * this.#buddy.pageblockPages) === TYPE.Movable
    );
  }

  /** Whether all that is in use in a pageblock can be moved. */
  #canEmpty(block: number, used: number): boolean {
    return this.#isMovableBlock(block) && this.#zones.isWhole(block) && this.#buddy.movableIn[block] >= used;
  }

  /** Free pages in a pageblock that pages may move to: a Movable one, not free as a whole (suitable_migration_target). */
  #roomIn(block: number): number {
    return this.#usedIn(block) > 0 && this.#isMovableBlock(block) ? this.#buddy.freePagesIn[block] : 0;
  }

  /** isolate_freepages(): takes single pages from the far end of the zone downward. There must be as many. */
  #takeFarPages(wanted: number): void {
    let left = wanted;
    for (let target = this.#zones.blocksOf(this.#zone.index)[1] - 1; left > 0; target--) {
      if (this.#roomIn(target) === 0) continue;
      const taken = this.#takePagesIn(target, left);
      this.#buddy.movableIn[target] += taken;
      left -= taken;
    }
  }

  /** Takes up to `wanted` free pages of a pageblock in address order, and returns how many there were. */
  #takePagesIn(block: number, wanted: number): number {
    const { lists, pageblockPages } = this.#buddy;
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
      this.#buddy.takeChunk(this.#zone, pfn);
      for (let rest = pfn + used; rest < next; rest++) this.#buddy.free(this.#zone, rest, 0);
      taken += used;
      pfn = next;
    }
    return taken;
  }

  /** Frees what was in use in a pageblock, page by page: it merges into one chunk. */
  #freeUsedPages(block: number): void {
    const { lists, pageblockPages } = this.#buddy;
    const end = (block + 1) * pageblockPages;
    const used: number[] = [];
    for (let pfn = block * pageblockPages; pfn < end; ) {
      const order = lists.buddyOrder(pfn);
      if (order < 0) used.push(pfn);
      pfn += order < 0 ? 1 : 1 << order;
    }
    for (const pfn of used) this.#buddy.free(this.#zone, pfn, 0);
  }
}
