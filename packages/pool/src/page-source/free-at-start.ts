/** Where memory is free before the first claim, for readers that follow a run by its events alone. */
import type { Geometry, MemoryState } from '@decpool/model';
import { unpackChunks } from '@decpool/model/internal';
import { orderOfIndex } from '../page-allocator/chunk-lists.ts';
import { guessesOf } from './counted-start.ts';

/** Free pages of each block, as a page source has them that starts from this memory with this placement seed. */
export function freePagesAtStart(
  memory: MemoryState,
  geometry: Geometry,
  seed: number,
  cpuLists: 'with per-CPU lists' | 'without' = 'without',
): Int32Array {
  const { pagesPerBlock, spanPages } = geometry;
  const free = new Int32Array(spanPages / pagesPerBlock);
  for (const [pfn, order] of chunksAtStart(memory, geometry, seed, cpuLists)) {
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
  cpuLists: 'with per-CPU lists' | 'without' = 'without',
): Generator<readonly [pfn: number, order: number]> {
  if (memory.exact === undefined) {
    for (const { chunks } of guessesOf(memory, geometry, seed)) {
      for (const { pfn, order } of chunks) yield [pfn, order];
    }
    return;
  }
  for (const { lists, end, cpus } of memory.exact.zones) {
    for (const [order, , packed] of lists) for (const pfn of unpackChunks(packed, end)) yield [pfn, order];
    if (cpuLists === 'without') continue;
    for (const [index, packed] of cpus.flatMap((cpu) => cpu.lists)) {
      const order = orderOfIndex(index, Math.log2(geometry.pagesPerBlock));
      for (const pfn of unpackChunks(packed, end)) yield [pfn, order];
    }
  }
}
