import type { Pfn } from '@decpool/model';
import type { FreeMap } from './free-map.ts';
import { LowestPlace } from './lowest-place.ts';
import type { Placement } from './placement.ts';

/**
 * Next fit: first fit that goes on where the last request was placed, and begins again from the lowest address when it
 * has come to the end (Knuth, The Art of Computer Programming, volume 1, 2.5, exercise 6). Quick without any index, and
 * it spreads small requests over all of the pool: few blocks run empty.
 */
export function nextFit(map: FreeMap): Placement {
  const { pagesPerBlock } = map.geometry;
  const lowest = new LowestPlace(map);
  /** Behind what was placed last. */
  let rover = 0;

  /** The lowest place from page `from` on, in blocks before `endBlock`. */
  const placeFrom = (from: number, pages: number, align: number, endBlock: number): Pfn | -1 => {
    let block = Math.floor(from / pagesPerBlock);
    if (block < endBlock && from > block * pagesPerBlock) {
      const found = map.findFrom(from, pages, align);
      if (found !== -1) return found;
      block++;
    }
    return lowest.find(pages, align, block, endBlock);
  };

  return {
    name: 'next-fit',
    place(pages, align, { firstBlock, endBlock }) {
      const first = firstBlock * pagesPerBlock;
      let found = placeFrom(Math.max(rover, first), pages, align, endBlock);
      if (found === -1) found = placeFrom(first, pages, align, endBlock);
      if (found !== -1) rover = found + pages;
      return found;
    },
  };
}
