/**
 * A range of whole free pageblocks, for what a kernel reserves before it has a page allocator: memblock searches from the
 * top of memory downward (memblock_find_in_range_node(), mm/memblock.c).
 */
import type { FreeArea } from './free-area.ts';

/** Where memblock_alloc_low() ends: ARCH_LOW_ADDRESS_LIMIT, include/linux/memblock.h; 4 GiB, in pages. */
const LOW_END = 2 ** 20;

/**
 * First page of a run of `blocks` free pageblocks inside one zone, now claimed; -1 when there is none. The highest below
 * 4 GiB, where bounce buffers have to be for devices that reach no further (swiotlb_memblock_alloc(), kernel/dma/swiotlb.c,
 * without SWIOTLB_ANY, as x86 calls it); only if there is none, the highest above.
 */
export function takeContiguous(area: FreeArea, blocks: number): number {
  const all = area.lists.freePagesIn.length;
  const low = Math.min(all, LOW_END / area.pageblockPages);
  const found = takeBelow(area, blocks, low);
  return found < 0 && low < all ? takeBelow(area, blocks, all) : found;
}

/** The highest run that ends at block `end` or below. */
function takeBelow(area: FreeArea, blocks: number, end: number): number {
  const { lists, pageblockPages, zones } = area;
  let free = 0;
  for (let block = end - 1; block >= 0; block--) {
    const isFree = lists.freePagesIn[block] === pageblockPages && zones.isWhole(block);
    const isSameZone = free > 0 && zones.zoneOfBlock(block) === zones.zoneOfBlock(block + 1);
    free = isFree ? (isSameZone ? free + 1 : 1) : 0;
    if (free < blocks) continue;
    for (let each = block; each < block + blocks; each++) takeBlock(area, each);
    return block * pageblockPages;
  }
  return -1;
}

/** Takes a whole free pageblock out of the chunks that it lies in: one larger chunk, or several smaller ones. */
function takeBlock(area: FreeArea, block: number): void {
  const { lists, pageblockOrder, pageblockPages, zones } = area;
  const zone = zones.zoneOfBlock(block);
  const start = block * pageblockPages;
  const pair = start & ~(2 * pageblockPages - 1);
  if (lists.orderOf[pair] > pageblockOrder) {
    const type = lists.typeOf(pair);
    lists.remove(zone, pair);
    lists.add(zone, start === pair ? pair + pageblockPages : pair, pageblockOrder, type, false);
  } else {
    for (let pfn = start; pfn < start + pageblockPages; ) {
      const order = lists.orderOf[pfn];
      lists.remove(zone, pfn);
      pfn += 1 << order;
    }
  }
  area.markClaimed(start, pageblockOrder);
}
