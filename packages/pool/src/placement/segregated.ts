import type { AllocateRequest } from '@decpool/model';
import type { FreeMap } from './free-map.ts';
import { MaxTree } from './max-tree.ts';
import type { Placement } from './placement.ts';

/** The class of an empty block. */
const OPEN = 0;

/** The class of a request, from 1 to `classes`. */
type ClassOf = (pages: number, asker: AllocateRequest | undefined) => number;

/**
 * Blocks that take requests of one class only, first fit in each. A block has the class of what lies in it until it is
 * empty; a request goes to the lowest block of its class that holds it, then to an empty one, and then the pool has to grow.
 */
export function segregated(map: FreeMap, classes: number, classOf: ClassOf): Omit<Placement, 'name'> {
  const { pagesPerBlock } = map.geometry;
  const classOfBlock = new Uint8Array(map.blocks);
  /** Largest free runs of the blocks of each class. */
  const largest = Array.from({ length: classes + 1 }, () => new MaxTree(map.blocks));
  const update = (block: number, free: number) => largest[classOfBlock[block]].set(block, free);
  const assign = (block: number, to: number) => {
    update(block, 0);
    classOfBlock[block] = to;
    update(block, map.largest[block]);
  };
  map.listen({
    blockChanged(block) {
      if (map.extents[block] === 0 && classOfBlock[block] !== OPEN) assign(block, OPEN);
      else update(block, map.largest[block]);
    },
  });

  return {
    place(pages, align, { firstBlock, endBlock }, asker) {
      const own = largest[classOf(pages, asker)];
      const found = map.findLowest(pages, align, firstBlock, endBlock, own);
      return found === -1 ? map.findLowest(pages, align, firstBlock, endBlock, largest[OPEN]) : found;
    },

    usablePages({ firstBlock, endBlock }, asker) {
      const own = classOf(asker.pages, asker);
      let pages = 0;
      for (let block = firstBlock; block < Math.min(endBlock, map.blocks); block++) {
        const isUsable = classOfBlock[block] === own || classOfBlock[block] === OPEN;
        if (isUsable && map.largest[block] > 0) pages += map.freePagesIn(block, block + 1);
      }
      return pages;
    },

    given(start, pages, asker) {
      const block = Math.floor(start / pagesPerBlock);
      if (classOfBlock[block] === OPEN) assign(block, classOf(pages, asker));
    },
  };
}
