/**
 * Where each fact of the state lies in its table of words. One layout serves both backends.
 *
 * - `blocks`: a leaf per block: five bitmaps with a bit per page, then counts.
 * - `mapping`: a leaf per region: the level of each of its blocks (0 hole, 1 = 4K, 2 = 2M), then whether one 1G
 *   entry still maps the whole region (the block levels then say what a split of it would leave).
 * - `allocations`: a record per allocation id; `extents`: the extents of allocations in the order they were made.
 */
import type { Geometry } from '../geometry.ts';

/** Bitmaps of a block, in units of `bitmapWords` words. */
export const BITMAP = { claimed: 0, shared: 1, unknown: 2, allocated: 3, leaked: 4 } as const;
export const BITMAPS = 5;

export interface BlockLayout {
  /** Words of one bitmap: a bit per page of the block. */
  readonly bitmapWords: number;
  /** First of the counts: claimed, shared, unknown, allocated, leaked pages, in the order of BITMAP. */
  readonly counts: number;
  /** 1 once a page of the block has been shared. */
  readonly touched: number;
  readonly leafWords: number;
}

export function blockLayout(geometry: Geometry): BlockLayout {
  const bitmapWords = geometry.pagesPerBlock / 32;
  const counts = BITMAPS * bitmapWords;
  return { bitmapWords, counts, touched: counts + BITMAPS, leafWords: counts + BITMAPS + 1 };
}

/** Words of a mapping leaf; its last word is 1 while a 1G entry maps the region. */
export const mappingLeafWords = (geometry: Geometry): number => geometry.blocksPerRegion + 1;

/** Allocation records in a leaf, and the words of one. */
export const ALLOCATIONS_PER_LEAF = 4;
export const ALLOCATION = {
  status: 0,
  owner: 1,
  request: 2,
  bytes: 3,
  /** Pages asked for. */
  pages: 4,
  firstExtent: 5,
  extents: 6,
  freedExtents: 7,
} as const;
export const ALLOCATION_WORDS = 8;

/** What has become of an allocation id. An id is used once. */
export const STATUS = { unused: 0, requested: 1, live: 2, freeing: 3, freed: 4, failed: 5 } as const;

export const EXTENTS_PER_LEAF = 16;
export const EXTENT = { pfn: 0, pages: 1 } as const;
export const EXTENT_WORDS = 2;
