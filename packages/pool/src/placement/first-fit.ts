import type { FreeMap } from './free-map.ts';
import { LowestPlace } from './lowest-place.ts';
import type { Placement } from './placement.ts';

/**
 * First fit: the free run at the lowest address that holds the request. Packing to the low end leaves the high blocks empty,
 * and by Robson's bound (JACM 1974) it wastes little more than any other allocator that cannot move.
 */
export function firstFit(map: FreeMap): Placement {
  const lowest = new LowestPlace(map);
  return {
    name: 'first-fit',
    place: (pages, align, { firstBlock, endBlock }) => lowest.find(pages, align, firstBlock, endBlock),
  };
}
