/** Where memory is free before the first claim, for readers that follow a run by its events alone. */
import type { Geometry, MemoryState } from '@decpool/model';
import { PageSource } from './page-source.ts';

/** Free pages of each block, as a page source has them that starts from this memory with this placement seed. */
export const freePagesAtStart = (memory: MemoryState, geometry: Geometry, seed: number): Int32Array =>
  new PageSource(memory, geometry, seed).freePagesByBlock();
