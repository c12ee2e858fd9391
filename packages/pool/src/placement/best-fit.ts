import type { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';
import { RunBins } from './run-bins.ts';

/**
 * Best fit: the smallest free run that holds the request, the lowest address among equals. It keeps large runs
 * whole for large requests, and leaves slivers. Runs are binned by their exact length, so the search goes up from
 * the wanted length and takes the first bin that holds one at the right alignment.
 */
export function bestFit(map: FreeMap): Placement {
  const runs = new RunBins(map);
  return { name: 'best-fit', place: (pages, align, range) => runs.inShortest(pages, align, range) };
}
