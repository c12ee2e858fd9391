/**
 * What both kernels' fallback rules share: where a migratetype looks when its own lists are empty, and when it pays
 * to take a whole pageblock over.
 */

import { TYPE } from '../page-allocator/migratetypes.ts';
import type { FreeArea } from './free-area.ts';

/** Takes chunks out of the free lists of a zone: __rmqueue(), mm/page_alloc.c. */
export interface Rmqueue {
  /**
   * A chunk of 2^order pages, or -1. With `isNofragment` no pageblock of another migratetype is broken up unless it
   * changes sides as a whole (ALLOC_NOFRAGMENT).
   */
  take(zone: number, order: number, type: number, isNofragment: boolean): number;
}

/** fallbacks[], mm/page_alloc.c. */
const FALLBACKS: Readonly<Record<number, readonly number[]>> = {
  [TYPE.Unmovable]: [TYPE.Reclaimable, TYPE.Movable],
  [TYPE.Movable]: [TYPE.Reclaimable, TYPE.Unmovable],
  [TYPE.Reclaimable]: [TYPE.Unmovable, TYPE.Movable],
};
const NONE: readonly number[] = [];

/** find_suitable_fallback(): the chunk of `order` to take from another migratetype, or -1. */
export function fallbackOf(area: FreeArea, zone: number, order: number, type: number): number {
  for (const other of FALLBACKS[type] ?? NONE) {
    const pfn = area.lists.first(zone, order, other);
    if (pfn >= 0) return pfn;
  }
  return -1;
}

/** can_steal_fallback(), since 6.15 should_try_claim_block(): whether it is worth trying for the whole pageblock. */
export function mayClaimBlock(area: FreeArea, order: number, type: number): boolean {
  return order >= area.pageblockOrder >> 1 || type === TYPE.Unmovable || type === TYPE.Reclaimable;
}

/**
 * Whether at least half of a pageblock is free or in use alike, so that it may change sides. What is in use in
 * Movable pageblocks counts as movable unless it was claimed, what is in use in others as of unknown kind.
 */
export function isMostlyAlike(area: FreeArea, block: number, type: number): boolean {
  const takesFromMovable = type !== TYPE.Movable && area.typeOf(block) === TYPE.Movable;
  const alike = takesFromMovable ? area.claimedIn(block) : 0;
  return area.lists.freePagesIn[block] + alike >= area.pageblockPages >> 1;
}
