/**
 * A range of whole free pageblocks, for what a kernel reserves before it has a page allocator: memblock searches from the
 * top of memory downward (memblock_find_in_range_node(), mm/memblock.c).
 */
import type { Buddy } from '../page-allocator/buddy.ts';
import type { Zone } from '../page-allocator/zone.ts';
import type { ZoneMap } from './zones.ts';

/** Where memblock_alloc_low() ends: ARCH_LOW_ADDRESS_LIMIT, include/linux/memblock.h; 4 GiB, in pages. */
const LOW_END = 2 ** 20;

/**
 * First block of the highest run of `blocks` whole blocks of one zone that are `isWanted`, or -1: below 4 GiB, where bounce buffers
 * have to be for devices that reach no further; only if there is none, above.
 */
export function highestRun(map: ZoneMap, blocks: number, isWanted: (block: number) => boolean): number {
  const first = highestBelow(Math.min(map.blocks, LOW_END / map.pagesPerBlock), map, blocks, isWanted);
  return first < 0 ? highestBelow(map.blocks, map, blocks, isWanted) : first;
}

function highestBelow(
  end: number,
  map: ZoneMap,
  blocks: number,
  isWanted: (block: number) => boolean,
): number {
  let found = 0;
  for (let block = end - 1; block >= 0; block--) {
    const isSameZone = map.zoneOfBlock(block) === map.zoneOfBlock(block + 1);
    if (!map.isWhole(block) || !isWanted(block)) found = 0;
    else found = isSameZone ? found + 1 : 1;
    if (found >= blocks) return block;
  }
  return -1;
}

/** First page of the highest run of free pageblocks, now claimed; -1 when there is none. */
export function takeContiguous(buddy: Buddy, zones: readonly Zone[], map: ZoneMap, blocks: number): number {
  const { freePagesIn } = buddy;
  const first = highestRun(map, blocks, (block) => freePagesIn[block] === buddy.pageblockPages);
  if (first < 0) return -1;
  for (let block = first; block < first + blocks; block++) {
    buddy.takeBlock(zones[map.zoneOfBlock(block)], block);
  }
  return first * buddy.pageblockPages;
}
