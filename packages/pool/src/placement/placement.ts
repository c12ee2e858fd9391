import type { Pfn } from '@decpool/model';
import type { BlockRange } from '../policy.ts';
import type { FreeMap } from './free-map.ts';

/**
 * Chooses where in the pool a request goes. It sees only pages that the pool has claimed and that nobody uses; it
 * never asks for new memory (that is the supply's part) and converts nothing.
 */
export interface Placement {
  readonly name: string;
  /**
   * First page of a free run of `pages` pages in the blocks of `range` that begins at a multiple of `align` and does not
   * leave its block, or -1. `pages` is at most a block, `align` a power of two.
   */
  place(pages: number, align: number, range: BlockRange): Pfn | -1;
}

/** Makes a placement that keeps its own index of the free runs of `map`. */
export type PlacementFactory = (map: FreeMap) => Placement;
