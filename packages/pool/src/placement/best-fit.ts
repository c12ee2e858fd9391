import { BlockBins } from './block-bins.ts';
import type { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';

/**
 * Best fit: the smallest free run that holds the request, the lowest address among equals. It keeps large runs
 * whole for large requests, and leaves slivers. Runs are binned by their exact length, so the search goes up from
 * the wanted length and takes the first bin that holds one at the right alignment.
 */
export function bestFit(map: FreeMap): Placement {
  const longest = map.geometry.pagesPerBlock;
  const bins = new BlockBins(longest + 1, map.blocks);
  /** Runs of each length in each block. */
  const counts = new Uint16Array(map.blocks * (longest + 1));
  const cell = (start: number, pages: number) => Math.floor(start / longest) * (longest + 1) + pages;
  map.listen({
    runAdded(start, pages) {
      if (counts[cell(start, pages)]++ === 0) bins.add(pages, Math.floor(start / longest));
    },
    runRemoved(start, pages) {
      if (--counts[cell(start, pages)] === 0) bins.remove(pages, Math.floor(start / longest));
    },
  });
  return {
    name: 'best-fit',
    place(pages, align, { firstBlock, endBlock }) {
      for (let length = bins.firstBin(pages); length >= 0; length = bins.firstBin(length + 1)) {
        let block = bins.firstBlock(length, firstBlock);
        for (; block >= 0 && block < endBlock; block = bins.firstBlock(length, block + 1)) {
          const found = map.findInBlock(block, pages, align, length);
          if (found !== -1) return found;
        }
      }
      return -1;
    },
  };
}
