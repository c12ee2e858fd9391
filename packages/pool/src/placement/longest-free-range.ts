import { BlockBins } from './block-bins.ts';
import type { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';

/**
 * Longest free range, after the filler of TCMalloc's Temeraire (OSDI 2021). Two goals: keep blocks that can still
 * serve large requests for those, and let sparsely used blocks run empty. So among the blocks that fit take the
 * one whose longest free range is smallest: it is the least useful for anything larger. Among equals take the one
 * with most allocations, not most pages, because a block empties only when every one of its allocations is freed.
 * Inside the block the lowest address.
 */
export function longestFreeRange(map: FreeMap): Placement {
  const bins = new BlockBins(map.geometry.pagesPerBlock + 1, map.blocks);
  map.listen({
    blockChanged(block, before) {
      const largest = map.largest[block];
      if (largest === before) return;
      if (before > 0) bins.remove(before, block);
      if (largest > 0) bins.add(largest, block);
    },
  });
  return {
    name: 'longest-free-range',
    place(pages, align, { firstBlock, endBlock }) {
      for (let range = bins.firstBin(pages); range >= 0; range = bins.firstBin(range + 1)) {
        let best = -1;
        let found: ReturnType<Placement['place']> = -1;
        let block = bins.firstBlock(range, firstBlock);
        for (; block >= 0 && block < endBlock; block = bins.firstBlock(range, block + 1)) {
          if (best >= 0 && map.extents[block] <= map.extents[best]) continue;
          const at = map.findInBlock(block, pages, align);
          if (at === -1) continue;
          best = block;
          found = at;
        }
        if (found !== -1) return found;
      }
      return -1;
    },
  };
}
