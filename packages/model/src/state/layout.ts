/**
 * Where each fact of the state lies in its table of words, in both backends.
 *
 * - `blocks`: a leaf per block: five bitmaps with a bit per page, then counts.
 * - `mapping`: a leaf per region: the level of each of its blocks (0 hole, 1 = 4K, 9 = 4K since a split during the run,
 *   2 = 2M, 6 = 2M in a contiguous 32M), then whether one 1G entry maps the whole region. The block levels are then those
 *   that a split of it would leave.
 * - `allocations`: a record per allocation id; `extents`: the extents of allocations in the order they were made.
 * - `slabs`: a leaf per slab.
 */
import type { Geometry } from '../geometry.ts';

/** Bitmaps of a block, in units of `bitmapWords` words. */
export const BITMAP = { claimed: 0, shared: 1, unknown: 2, allocated: 3, leaked: 4 } as const;
export const BITMAPS = 5;

export interface BlockLayout {
  /** log2 of the pages in a block: a shift is several times faster than a division rounded down. */
  readonly blockShift: number;
  /** Words of one bitmap: a bit per page of the block. */
  readonly bitmapWords: number;
  /** First of the counts: claimed, shared, unknown, allocated, leaked pages, in the order of BITMAP. */
  readonly counts: number;
  /** 1 once a page of the block has been shared. */
  readonly touched: number;
  /** A bit per contiguous run of 4K entries (64K) of the block. */
  readonly contiguous: number;
  readonly leafWords: number;
}

export function blockLayout(geometry: Geometry): BlockLayout {
  const bitmapWords = geometry.pagesPerBlock / 32;
  const counts = BITMAPS * bitmapWords;
  const touched = counts + BITMAPS;
  return {
    blockShift: 31 - Math.clz32(geometry.pagesPerBlock),
    bitmapWords,
    counts,
    touched,
    contiguous: touched + 1,
    leafWords: touched + 2,
  };
}

/** Entries in a contiguous run: CONT_PTES and CONT_PMDS with 4K pages, arch/arm64/include/asm/pgtable-hwdef.h. */
const CONTIGUOUS_ENTRIES = 16;
/** Pages of a contiguous run of 4K entries: 64K. A block has at most 32 of them, a bit each. */
export const contiguousPages = (geometry: Geometry): number =>
  Math.max(CONTIGUOUS_ENTRIES, geometry.pagesPerBlock / 32);
/** Blocks of a contiguous run of 2M entries: 32M. A region has at least two runs; one of less than four blocks has none, 0. */
export const contiguousBlocks = ({ blocksPerRegion }: Geometry): number =>
  blocksPerRegion < 4 ? 0 : Math.min(CONTIGUOUS_ENTRIES, blocksPerRegion / 2);
/** Flag of a block's level: its 2M entry is part of a contiguous 32M. */
export const CONTIGUOUS_2M = 4;
/** Flag of a block's level: its 2M entry was split during the run, so a restore can free its page table. */
export const SPLIT_2M = 8;

/** What a free reads comes first: it is an allocation of long ago, and few lines of it are to come into the cache. */
export const ALLOCATION = {
  status: 0,
  extents: 1,
  freedExtents: 2,
  firstExtent: 3,
  /** The extent that is freed next, as the table of extents has it; 0 and 0 if there is none. */
  nextPfn: 4,
  nextPages: 5,
  /** Code of the api in the low byte; AREA_MAPPED while a vmalloc area maps its pages. */
  api: 6,
  /** Mappings into user space. */
  userMappings: 7,
  /** Slab of an object; 0 for none. */
  slab: 8,
  bytes: 9,
  owner: 10,
  request: 11,
  /** Pages asked for. */
  pages: 12,
  /** As attributesOf() packs them. */
  attributes: 13,
  /** First unit of an object, and its units << 16. */
  units: 14,
  /** Of a freed object that left its slab empty: the slab, and the request that freed the object. */
  emptiedSlab: 15,
  emptiedBy: 16,
} as const;
export const ALLOCATION_WORDS = 17;
/** The words of an allocation that the state hash covers, in its order. The others follow from these, or are 0 in every allocation that it covers. */
export const HASHED_ALLOCATION: readonly number[] = [
  ALLOCATION.status,
  ALLOCATION.owner,
  ALLOCATION.request,
  ALLOCATION.bytes,
  ALLOCATION.pages,
  ALLOCATION.firstExtent,
  ALLOCATION.extents,
  ALLOCATION.freedExtents,
  ALLOCATION.api,
  ALLOCATION.attributes,
  ALLOCATION.userMappings,
  ALLOCATION.slab,
  ALLOCATION.units,
];
export const AREA_MAPPED = 0x100;

/**
 * What has become of an allocation id. `reclaiming`: freed, but its empty slab's pages are not yet. An id that was given out and is
 * `unused` is freed: its record is kept for nobody.
 */
export const STATUS = {
  unused: 0,
  requested: 1,
  live: 2,
  freeing: 3,
  freed: 4,
  failed: 5,
  reclaiming: 6,
} as const;

/** Extents in a leaf, as log2 too. */
export const EXTENTS_SHIFT = 2;
export const EXTENTS_PER_LEAF = 1 << EXTENTS_SHIFT;
export const EXTENT = { pfn: 0, pages: 1 } as const;
export const EXTENT_WORDS = 2;

/** A slab: where it is, how it is cut, what of it is used. A bit per unit follows. */
export const SLAB = {
  /** 1 = there, 0 = never created or destroyed. */
  status: 0,
  pfn: 1,
  pages: 2,
  cache: 3,
  unitBytes: 4,
  units: 5,
  usedUnits: 6,
  bitmap: 7,
} as const;
/** Most units of a slab: 8-byte objects in a page. */
export const MAX_UNITS = 512;
export const SLAB_WORDS = SLAB.bitmap + MAX_UNITS / 32;

/** Words of a leaf of each table. The last word of a mapping leaf is 1 while a 1G entry maps the region. */
export const leafWords = (geometry: Geometry) => ({
  blocks: blockLayout(geometry).leafWords,
  mapping: geometry.blocksPerRegion + 1,
  allocations: ALLOCATION_WORDS,
  extents: EXTENT_WORDS * EXTENTS_PER_LEAF,
  slabs: SLAB_WORDS,
});
