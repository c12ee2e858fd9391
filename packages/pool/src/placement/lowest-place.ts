import { orderFor, type Pfn } from '@decpool/model';
import type { FreeMap } from './free-map.ts';
import { MaxTree } from './max-tree.ts';

/** Finds the lowest place of all. A tournament tree over the blocks' largest aligned chunks finds the block for one of those. */
export class LowestPlace {
  readonly #map: FreeMap;
  readonly #byChunk: MaxTree;

  constructor(map: FreeMap) {
    this.#map = map;
    const byChunk = new MaxTree(map.blocks);
    this.#byChunk = byChunk;
    map.listen({ blockChanged: (block) => byChunk.set(block, map.largestOrder[block] + 1) });
  }

  /** In blocks [first, end); -1 if there is none. */
  find(pages: number, align: number, first: number, end: number): Pfn | -1 {
    if (pages !== align) return this.#map.findLowest(pages, align, first, end);
    const block = this.#byChunk.firstAtLeast(orderFor(pages) + 1, first);
    return block < 0 || block >= end ? -1 : this.#map.findInBlock(block, pages, align);
  }
}
