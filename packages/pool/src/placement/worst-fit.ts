import type { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';
import { RunBins } from './run-bins.ts';

/**
 * Worst fit: the largest free run, the lowest address among equals, so that what is left of it is still of use. It breaks
 * up the large runs first and fills all blocks alike, so few of them run empty: the one to compare with, not to build
 * (Knuth, The Art of Computer Programming, volume 1, 2.5).
 */
export function worstFit(map: FreeMap): Placement {
  const runs = new RunBins(map);
  return { name: 'worst-fit', place: (pages, align, range) => runs.inLongest(pages, align, range) };
}
