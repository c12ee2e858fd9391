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
 * First page of a run of `blocks` free pageblocks inside one zone, now claimed; -1 when there is none. The highest below
 * 4 GiB, where bounce buffers have to be for devices that reach no further (swiotlb_memblock_alloc(), kernel/dma/swiotlb.c,
 * without SWIOTLB_ANY, as x86 calls it); only if there is none, the highest above.
 */
export function takeContiguous(buddy: Buddy, zones: readonly Zone[], map: ZoneMap, blocks: number): number {
  const all = buddy.lists.freePagesIn.length;
  const low = Math.min(all, LOW_END / buddy.pageblockPages);
  let first = highestRun(buddy, map, blocks, low);
  if (first < 0 && low < all) first = highestRun(buddy, map, blocks, all);
  if (first < 0) return -1;
  for (let block = first; block < first + blocks; block++) {
    takeBlock(buddy, zones[map.zoneOfBlock(block)], block);
  }
  return first * buddy.pageblockPages;
}

/** First block of the highest run that ends at block `end` or below, or -1. */
function highestRun({ lists, pageblockPages }: Buddy, map: ZoneMap, blocks: number, end: number): number {
  let free = 0;
  for (let block = end - 1; block >= 0; block--) {
    const isFree = lists.freePagesIn[block] === pageblockPages && map.isWhole(block);
    const isSameZone = free > 0 && map.zoneOfBlock(block) === map.zoneOfBlock(block + 1);
    free = isFree ? (isSameZone ? free + 1 : 1) : 0;
    if (free >= blocks) return block;
  }
  return -1;
}

/** Takes a whole free pageblock out of the chunks that it lies in: one larger chunk, or several smaller ones. */
function takeBlock({ lists, pageblockOrder, pageblockPages, cpu }: Buddy, zone: Zone, block: number): void {
  const start = block * pageblockPages;
  const pair = start & ~(2 * pageblockPages - 1);
  zone.account(cpu, -pageblockPages);
  if (lists.buddyOrder(pair) > pageblockOrder) {
    const type = lists.typeOf(pair);
    lists.remove(pair);
    const other = start === pair ? pair + pageblockPages : pair;
    lists.addHead(lists.list(zone.index, pageblockOrder, type), other);
    return;
  }
  for (let pfn = start; pfn < start + pageblockPages; ) {
    const order = lists.buddyOrder(pfn);
    lists.remove(pfn);
    pfn += 1 << order;
  }
}
