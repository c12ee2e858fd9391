/** Where memory is free before the first claim, for readers that follow a run by its events alone. */
import type { Geometry, MemoryState } from '@decpool/model';
import { seedOfZone } from './free-area.ts';
import { guessPlacement } from './placement-guess.ts';

/** Free pages of each block, as a page source has them that starts from this memory with this placement seed. */
export function freePagesAtStart(memory: MemoryState, geometry: Geometry, seed: number): Int32Array {
  const { pagesPerBlock, spanPages } = geometry;
  const free = new Int32Array(spanPages / pagesPerBlock);
  for (const [index, zone] of memory.zones.entries()) {
    for (const { pfn, order } of guessPlacement(zone, geometry, seedOfZone(seed, index)).chunks) {
      const first = Math.floor(pfn / pagesPerBlock);
      const blocks = Math.max(1, (1 << order) / pagesPerBlock);
      for (let block = first; block < first + blocks; block++) {
        free[block] += Math.min(1 << order, pagesPerBlock);
      }
    }
  }
  return free;
}
