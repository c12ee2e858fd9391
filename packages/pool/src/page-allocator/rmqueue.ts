/**
 * What the fallback rules of all versions share: where a migratetype looks when its own lists are empty, and when a
 * pageblock changes sides (mm/page_alloc.c).
 */
import type { Buddy } from './buddy.ts';
import { TYPE } from './migratetypes.ts';
import type { Zone } from './zone.ts';

/** fallbacks[]; pageblocks for shared pages come last, and borrow of all. */
const FALLBACKS: Readonly<Record<number, readonly number[]>> = {
  [TYPE.Unmovable]: [TYPE.Reclaimable, TYPE.Movable, TYPE.Decrypted],
  [TYPE.Movable]: [TYPE.Reclaimable, TYPE.Unmovable, TYPE.Decrypted],
  [TYPE.Reclaimable]: [TYPE.Unmovable, TYPE.Movable, TYPE.Decrypted],
  [TYPE.Decrypted]: [TYPE.Unmovable, TYPE.Reclaimable, TYPE.Movable],
};
const NONE: readonly number[] = [];

/** Takes chunks out of the buddy lists of a zone. */
export interface Rmqueue {
  /**
   * __rmqueue() with the count of NR_FREE_PAGES: a chunk of 2^order pages, or -1. With `isNofragment` no pageblock of another
   * migratetype is broken up unless it changes sides as a whole (ALLOC_NOFRAGMENT).
   */
  take(zone: Zone, order: number, type: number, isNofragment: boolean): number;
  /** rmqueue_bulk(): up to `wanted` chunks, to the tail of a per-CPU list. Returns how many. */
  fill(zone: Zone, order: number, type: number, isNofragment: boolean, wanted: number, list: number): number;
}

/** find_suitable_fallback(): the chunk of `order` to take from another migratetype, or -1. */
export function fallbackOf({ lists }: Buddy, zone: Zone, order: number, type: number): number {
  for (const other of FALLBACKS[type] ?? NONE) {
    const pfn = lists.first(lists.list(zone.index, order, other));
    if (pfn >= 0) return pfn;
  }
  return -1;
}

/** can_steal_fallback(), since 6.15 should_try_claim_block(): whether it is worth trying for the whole pageblock. */
export const mayClaimBlock = ({ pageblockOrder }: Buddy, order: number, type: number): boolean =>
  order >= pageblockOrder >> 1 || type !== TYPE.Movable;

/**
 * Whether at least half of a pageblock is free or in use alike, so that it may change sides. In a Movable pageblock all that is
 * in use and not on an LRU list is alike to a request that is not movable; in other pageblocks it is of unknown kind.
 */
export function isMostlyAlike(buddy: Buddy, block: number, type: number): boolean {
  const free = buddy.freePagesIn[block];
  const movable = Math.min(buddy.movableIn[block], buddy.pageblockPages - free);
  const blockType = buddy.typeOf(block * buddy.pageblockPages);
  const unmovable = blockType === TYPE.Movable ? buddy.pageblockPages - free - movable : 0;
  const alike = type === TYPE.Movable ? movable : unmovable;
  return free + alike >= buddy.pageblockPages >> 1;
}

/** Lowest order of a chunk that may be taken from another migratetype. */
export const lowestFallback = ({ pageblockOrder }: Buddy, order: number, isNofragment: boolean): number =>
  isNofragment ? Math.max(order, pageblockOrder) : order;

/** The order from which 6.x takes a chunk of another migratetype, -1 for none: the loops of __rmqueue_fallback(). */
export function fallbackOrder6(
  buddy: Buddy,
  zone: Zone,
  order: number,
  type: number,
  isNofragment: boolean,
  highest: number,
): number {
  const lowest = lowestFallback(buddy, order, isNofragment);
  let current = highest;
  while (current >= lowest && fallbackOf(buddy, zone, current, type) < 0) current--;
  if (current < lowest) return -1;
  // The rest of the pageblock would not come along: then the smallest chunk is broken up instead.
  if (!mayClaimBlock(buddy, current, type) && current > order) {
    current = order;
    while (fallbackOf(buddy, zone, current, type) < 0) current++;
  }
  return current;
}
