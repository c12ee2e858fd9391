import type { FreeMap } from './free-map.ts';
import { MaxTree } from './max-tree.ts';
import type { Placement } from './placement.ts';

/**
 * First fit: the free run at the lowest address that holds the request. What every allocator is compared with:
 * packing to the low end leaves the high blocks empty, and Robson's bound (JACM 1974) says it wastes little more
 * than any other that cannot move. A tournament tree over the blocks' largest runs finds the block.
 */
export function firstFit(map: FreeMap): Placement {
  const tree = new MaxTree(map.blocks);
  map.listen({ blockChanged: (block) => tree.set(block, map.largest[block]) });
  return {
    name: 'first-fit',
    place(pages, align) {
      let block = tree.firstAtLeast(pages);
      while (block >= 0) {
        const found = map.findInBlock(block, pages, align);
        if (found !== -1) return found;
        // Its largest run holds the request but not at this alignment.
        block = tree.firstAtLeast(pages, block + 1);
      }
      return -1;
    },
  };
}
