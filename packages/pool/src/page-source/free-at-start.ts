/** Where memory is free before the first claim, for readers that follow a run by its events alone. */
import { type Geometry, type MemoryState, unpackChunks } from '@decpool/model';
import { guessesOf } from './counted-start.ts';

/**
 * Free pages of each block, as a page source has them that starts from this memory with this placement seed. Those in per-CPU
 * lists do not count.
 */
export function freePagesAtStart(memory: MemoryState, geometry: Geometry, seed: number): Int32Array {
  const { pagesPerBlock, spanPages } = geometry;
  const free = new Int32Array(spanPages / pagesPerBlock);
  for (const [pfn, order] of chunksAtStart(memory, geometry, seed)) {
    const first = Math.floor(pfn / pagesPerBlock);
    const blocks = Math.max(1, (1 << order) / pagesPerBlock);
    for (let block = first; block < first + blocks; block++)
      free[block] += Math.min(1 << order, pagesPerBlock);
  }
  return free;
}

/** The free chunks that it starts from. */
export function* chunksAtStart(
  memory: MemoryState,
  geometry: Geometry,
  seed: number,
): Generator<readonly [pfn: number, order: number]> {
  if (memory.exact === undefined) {
    for (const { chunks } of guessesOf(memory, geometry, seed)) {
      for (const { pfn, order } of chunks) yield [pfn, order];
    }
    return;
  }
  for (const { lists, end } of memory.exact.zones) {
    for (const [order, , packed] of lists) for (const pfn of unpackChunks(packed, end)) yield [pfn, order];
  }
}
