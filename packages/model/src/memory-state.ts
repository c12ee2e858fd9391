import * as z from 'zod';
import { exactMemorySchema, zonePositionsSchema } from './exact-memory.ts';
import { migratetype, whole } from './schemas.ts';

/** First pfn and number of pages. */
const pageRun = z.tuple([whole, whole]).readonly();
/** A run of pages: its first pfn and its length in pages. */
export type PageRun = z.infer<typeof pageRun>;

/** Mapping level of the direct map: 1 = 4K, 2 = 2M, 3 = 1G; 0 = hole. */
const mappingLevel = z.literal([0, 1, 2, 3]);
/** How the direct map maps a page: 1 = 4K, 2 = 2M, 3 = 1G, 0 = not at all. */
export type MappingLevel = z.infer<typeof mappingLevel>;
/** Names of the levels, by level. */
export const LEVELS = ['hole', '4K', '2M', '1G'] as const;
/** Name of a mapping level: `4K`, `2M`, `1G` or `hole`. */
export type LevelName = (typeof LEVELS)[MappingLevel];

/** First pfn and number of pages that are mapped at one level. */
const mappingRun = z.tuple([whole, whole, mappingLevel]).readonly();
/** A run of pages that are mapped at one level: its first pfn, its length in pages, and the level. */
export type MappingRun = z.infer<typeof mappingRun>;

/** Of a zone, in pages: `min`, `low`, `high` and `protection` of /proc/zoneinfo. */
const watermarks = z
  .strictObject({
    /** A request that found every zone below its low watermark is served down to here: __alloc_pages_slowpath(), mm/page_alloc.c. */
    min: whole,
    low: whole,
    /** kswapd reclaims up to here. */
    high: whole,
    /** Pages kept from requests, by the highest zone that they may use. */
    lowmemReserve: z.array(whole).readonly(),
  })
  .readonly();

/** One zone of the page allocator, as /proc/buddyinfo and /proc/pagetypeinfo show it. */
const zoneState = z
  .strictObject({
    /** `DMA`, `DMA32`, `Normal`. Zones are listed from low to high memory. */
    name: z.string(),
    /** Where the zone has RAM, ascending, whole pages. */
    ram: z.array(pageRun).readonly(),
    /** Free chunks per migratetype: free[type][order] for order 0..10. */
    free: z.record(migratetype, z.array(whole).length(11).readonly()).readonly(),
    /** NUMA node that the zone belongs to; default: 0. */
    node: whole.exactOptional(),
    /**
     * Free pages below which the zone serves only when no other can: its low watermark and its lowmem reserve against
     * GFP_KERNEL requests, `low` and `protection` of /proc/zoneinfo (zone_watermark_ok, mm/page_alloc.c). 0 if unknown.
     */
    lowWatermark: whole,
    /** The watermarks by themselves, if they are known. */
    watermarks: watermarks.exactOptional(),
    /** Pages of page cache, which can be reclaimed; absent: what is in use in Movable pageblocks counts as such. */
    pageCache: whole.exactOptional(),
    /** Pageblocks (512 pages) per migratetype. */
    pageblocks: z.record(migratetype, whole).readonly(),
    /** Where the free chunks lie; absent: nothing but their numbers is known. `free` and `pageblocks` agree with it. */
    positions: zonePositionsSchema.exactOptional(),
  })
  .readonly();
/** One zone of the page allocator before the first request; figures in pages. */
export type ZoneState = z.infer<typeof zoneState>;

/**
 * The state of the page allocator and of the direct map before the first request. It is part of a log's header, so that a log
 * can be run again without the recording it came from. Its keys are in the order in which a header has them.
 */
export const memoryStateSchema = z
  .strictObject({
    /** What it is: `fresh boot 4 GiB (made up)`, `k61-E7cc-before (counts)`. Never a path. */
    name: z.string(),
    zones: z.array(zoneState).readonly(),
    /** Every list in its order; absent: the page source guesses positions from the counts of the zones. */
    exact: exactMemorySchema.exactOptional(),
    /**
     * Whole pageblocks that memblock reserved at boot, before anything else was in memory: in use, and the boot pool of swiotlb lies
     * at their end. Absent: nobody knows where.
     */
    reserved: pageRun.exactOptional(),
    /** Mapping levels at the start, ascending; page frames not listed are holes. */
    directMap: z.array(mappingRun).readonly(),
  })
  .readonly();
/**
 * Page allocator and direct map before the first request. freshBoot(), aged(), fragmented() and readMemoryState() make
 * one.
 */
export type MemoryState = z.infer<typeof memoryStateSchema>;

/**
 * How much is known of the free lists: every list in its order; where free chunks are, but not the order of the lists; or only their
 * numbers.
 */
export type MemoryGrade = 'exact' | 'positions' | 'counts';

/** How much a memory state knows of its free lists. */
export function gradeOf({ exact, zones }: MemoryState): MemoryGrade {
  if (exact !== undefined) return 'exact';
  return zones.some(({ positions }) => positions !== undefined) ? 'positions' : 'counts';
}

/** Page frames from 0 to the end of the highest RAM: what a geometry over this memory spans. */
export function spanOf(memory: MemoryState): number {
  return Math.max(0, ...memory.zones.flatMap((zone) => zone.ram.map(([start, pages]) => start + pages)));
}
