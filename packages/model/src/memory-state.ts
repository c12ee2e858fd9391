import type { ExactMemory } from './exact-memory.ts';
import type { Migratetype } from './migratetypes.ts';

/** A run of page frames: first pfn and number of pages. */
export type PageRun = readonly [startPfn: number, pages: number];

/** Mapping level of the direct map: 1 = 4K, 2 = 2M, 3 = 1G; 0 = hole. */
export type MappingLevel = 0 | 1 | 2 | 3;
/** Names of the levels, by level. */
export const LEVELS = ['hole', '4K', '2M', '1G'] as const;
export type LevelName = (typeof LEVELS)[MappingLevel];

/** A run of page frames mapped at one level. */
export type MappingRun = readonly [startPfn: number, pages: number, level: MappingLevel];

/** Of a zone, in pages: `min`, `low`, `high` and `protection` of /proc/zoneinfo. */
export interface Watermarks {
  /** A request that found every zone below its low watermark is served down to here: __alloc_pages_slowpath(), mm/page_alloc.c. */
  readonly min: number;
  readonly low: number;
  /** kswapd reclaims up to here. */
  readonly high: number;
  /** Pages kept from requests, by the highest zone that they may use. */
  readonly lowmemReserve: readonly number[];
}

/** One zone of the page allocator, as /proc/buddyinfo and /proc/pagetypeinfo show it. */
export interface ZoneState {
  /** `DMA`, `DMA32`, `Normal`. Zones are listed from low to high memory. */
  readonly name: string;
  /** NUMA node that the zone belongs to; default: 0. */
  readonly node?: number;
  /** Where the zone has RAM, ascending, whole pages. */
  readonly ram: readonly PageRun[];
  /** Free chunks per migratetype: free[type][order] for order 0..10. */
  readonly free: Readonly<Record<Migratetype, readonly number[]>>;
  /**
   * Free pages below which the zone serves only when no other can: its low watermark and its lowmem reserve against
   * GFP_KERNEL requests, `low` and `protection` of /proc/zoneinfo (zone_watermark_ok, mm/page_alloc.c). 0 if unknown.
   */
  readonly lowWatermark: number;
  /** The watermarks by themselves, if they are known. */
  readonly watermarks?: Watermarks;
  /** Pageblocks (512 pages) per migratetype. */
  readonly pageblocks: Readonly<Record<Migratetype, number>>;
}

/**
 * The state of the page allocator and of the direct map before the first request. It is part of a log's
 * header, so that a log can be run again without the recording it came from. Counts say nothing of
 * positions: the page source places the free chunks by a seeded guess.
 */
export interface MemoryState {
  /** What it is: `fresh boot 4 GiB`, `k61-E7cc`. Never a path. */
  readonly name: string;
  readonly zones: readonly ZoneState[];
  /** Every list in its order; absent: the page source guesses positions from the counts of the zones. */
  readonly exact?: ExactMemory;
  /** Mapping levels at the start, ascending; page frames not listed are holes. */
  readonly directMap: readonly MappingRun[];
}

/** Page frames from 0 to the end of the highest RAM: what a geometry over this memory spans. */
export function spanOf(memory: MemoryState): number {
  return Math.max(0, ...memory.zones.flatMap((zone) => zone.ram.map(([start, pages]) => start + pages)));
}
