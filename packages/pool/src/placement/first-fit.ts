import { orderFor } from '@decpool/model';
import type { FreeMap } from './free-map.ts';
import { MaxTree } from './max-tree.ts';
import type { Placement } from './placement.ts';

/**
 * First fit: the free run at the lowest address that holds the request. Packing to the low end leaves the high blocks empty,
 * and by Robson's bound (JACM 1974) it wastes little more than any other allocator that cannot move. Tournament trees over the
 * blocks' largest runs, and over their largest aligned chunks, find the block.
 */
export function firstFit(map: FreeMap): Placement {
  const byRun = new MaxTree(map.blocks);
  const byChunk = new MaxTree(map.blocks);
  map.listen({
    blockChanged(block) {
      byRun.set(block, map.largest[block]);
      byChunk.set(block, map.largestOrder[block] + 1);
    },
  });
  return {
    name: 'first-fit',
    place(pages, align, { firstBlock, endBlock }) {
      // A whole aligned chunk is there or not; any other request may fit a run's length but not its alignment.
      if (pages === align) {
        const block = byChunk.firstAtLeast(orderFor(pages) + 1, firstBlock);
        return block < 0 || block >= endBlock ? -1 : map.findInBlock(block, pages, align);
      }
      return map.findLowest(byRun, pages, align, firstBlock, endBlock);
    },
  };
}
