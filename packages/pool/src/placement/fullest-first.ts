import { BlockBins } from './block-bins.ts';
import type { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';

/**
 * Fullest first: the block with fewest free pages that holds the request, the lowest place in it. A block that is nearly
 * empty is left alone, so that it may become empty; slab allocators order their partial slabs for the same end. It counts
 * pages: a block full of one large allocation is filled up though it would empty at once (longest-free-range counts
 * allocations).
 */
export function fullestFirst(map: FreeMap): Placement {
  const { pagesPerBlock } = map.geometry;
  const bins = new BlockBins(pagesPerBlock + 1, map.blocks);
  const free = new Uint16Array(map.blocks);
  const change = (start: number, pages: number) => {
    const block = Math.floor(start / pagesPerBlock);
    if (free[block] > 0) bins.remove(free[block], block);
    free[block] += pages;
    if (free[block] > 0) bins.add(free[block], block);
  };
  map.listen({ put: change, taken: (start, pages) => change(start, -pages) });

  return {
    name: 'fullest-first',
    place(pages, align, { firstBlock, endBlock }) {
      for (let count = bins.firstBin(pages); count >= 0; count = bins.firstBin(count + 1)) {
        let block = bins.firstBlock(count, firstBlock);
        for (; block >= 0 && block < endBlock; block = bins.firstBlock(count, block + 1)) {
          if (map.largest[block] < pages) continue;
          const found = map.findInBlock(block, pages, align);
          if (found !== -1) return found;
        }
      }
      return -1;
    },
  };
}
