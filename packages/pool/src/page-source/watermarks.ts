/** The watermarks of a booted guest, by the kernel's formulas (mm/page_alloc.c). All RAM that is not reserved counts as managed. */
import type { PageRun, ZoneState } from '@decpool/model/internal';
import { managedPages, PAGE, PAGEBLOCK_PAGES } from './memory-layout.ts';

/** A zone keeps free for higher ones 1/256 of their pages: sysctl_lowmem_reserve_ratio. */
const LOWMEM_RESERVE_RATIO = 256;
/** Pageblocks that khugepaged wants free in each zone: set_recommended_min_free_kbytes(), mm/khugepaged.c. */
const KHUGEPAGED_PAGEBLOCKS = 2 + 3 * 3;
/** Numbers of the zones; a request may use zones up to one of them. */
const ZONE_NUMBERS: Readonly<Record<string, number>> = { DMA: 0, DMA32: 1, Normal: 2, Movable: 3 };

type Watermarks = NonNullable<ZoneState['watermarks']>;

/** Of each zone: init_per_zone_wmark_min(), __setup_per_zone_wmarks() and setup_per_zone_lowmem_reserve(). */
export function watermarksOf(zones: readonly ZoneState[], reserved?: PageRun): Watermarks[] {
  const managed = zones.map(({ ram }) => managedPages(ram, reserved));
  const all = managed.reduce((sum, pages) => sum + pages, 0);
  const forKhugepaged = Math.min(
    PAGEBLOCK_PAGES * KHUGEPAGED_PAGEBLOCKS * zones.length,
    Math.floor(all / 20),
  );
  const minFreeKilobytes = Math.floor(Math.sqrt(((all * PAGE) / 1024) * 16));
  const minimum = Math.max(Math.floor((minFreeKilobytes * 1024) / PAGE), forKhugepaged);
  return zones.map((zone, index) => {
    const pages = managed[index];
    const min = Math.floor((minimum * pages) / all);
    // watermark_scale_factor: at least a thousandth of the zone lies between two watermarks.
    const gap = Math.max(min >> 2, Math.floor(pages / 1000));
    return { min, low: min + gap, high: min + 2 * gap, lowmemReserve: lowmemReserveOf(zone, zones, managed) };
  });
}

/** By the highest zone that a request may use. */
function lowmemReserveOf(zone: ZoneState, zones: readonly ZoneState[], managed: readonly number[]): number[] {
  const number = ZONE_NUMBERS[zone.name];
  return Object.values(ZONE_NUMBERS).map((highest) => {
    const pages = managed.filter((_, index) => {
      const { name, node = 0 } = zones[index];
      return node === (zone.node ?? 0) && ZONE_NUMBERS[name] > number && ZONE_NUMBERS[name] <= highest;
    });
    return Math.floor(pages.reduce((sum, count) => sum + count, 0) / LOWMEM_RESERVE_RATIO);
  });
}

/** `lowWatermark` of a zone: against GFP_KERNEL requests, which may use zone Normal. */
export const lowWatermarkOf = ({ low, lowmemReserve }: Watermarks): number =>
  low + lowmemReserve[ZONE_NUMBERS['Normal']];
