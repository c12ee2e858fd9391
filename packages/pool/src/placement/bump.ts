import { type BlockIndex, blockIndex } from '@decpool/model';
import { firstFit } from './first-fit.ts';
import { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';

/**
 * Bump: each request goes behind the one before it, and what was freed is not used again until its block is empty: an
 * arena, as early boot allocators are. It has no search and no holes to keep, and shows what reuse within a block is
 * worth: one long-lived page keeps a whole block.
 *
 * The unused ends of the blocks are a free map of their own, in which the request takes the lowest place.
 */
export function bump(map: FreeMap): Placement {
  const { pagesPerBlock } = map.geometry;
  const blockOf = (page: number) => blockIndex(Math.floor(page / pagesPerBlock));
  /** Free pages that were not used since their block was empty. */
  const fresh = new FreeMap(map.geometry);
  const lowest = firstFit(fresh);
  const forget = (block: BlockIndex, end: number) =>
    fresh.forEachRun(block, (start, pages) => {
      if (start < end) fresh.take(start, Math.min(pages, end - start));
    });

  map.listen({
    // Pages before it in the block are not used again.
    taken: (start, pages) => forget(blockOf(start), start + pages),
    put(start) {
      const block = blockOf(start);
      if (map.extents[block] > 0) return;
      forget(block, (block + 1) * pagesPerBlock);
      map.forEachRun(block, (from, pages) => fresh.put(from, pages));
    },
  });

  return {
    name: 'bump',
    place: (pages, align, range, request) => lowest.place(pages, align, range, request),
    usablePages: ({ firstBlock, endBlock }) => fresh.freePagesIn(firstBlock, endBlock),
    claimed(start, pages) {
      if (fresh.findFrom(start, 1, 1) !== start) fresh.put(start, pages);
    },
  };
}
