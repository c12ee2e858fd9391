/** The watermarks of a booted guest, by the kernel's formulas (mm/page_alloc.c). All RAM counts as managed. */
import type { ZoneState } from '@decpool/model';
import { PAGE, PAGEBLOCK_PAGES, pagesOf } from './memory-layout.ts';

/** A zone keeps free for higher ones 1/256 of their pages: sysctl_lowmem_reserve_ratio. */
const LOWMEM_RESERVE_RATIO = 256;
/** Pageblocks that khugepaged wants free in each zone: set_recommended_min_free_kbytes(), mm/khugepaged.c. */
const KHUGEPAGED_PAGEBLOCKS = 2 + 3 * 3;
/** Numbers of the zones; a request may use zones up to one of them. */
const ZONE_NUMBERS: Readonly<Record<string, number>> = { DMA: 0, DMA32: 1, Normal: 2, Movable: 3 };

type Watermarks = NonNullable<ZoneState['watermarks']>;

/** Of each zone: init_per_zone_wmark_min(), __setup_per_zone_wmarks() and setup_per_zone_lowmem_reserve(). */
export function watermarksOf(zones: readonly ZoneState[]): Watermarks[] {
  const all = zones.reduce((sum, zone) => sum + pagesOf(zone.ram), 0);
  const forKhugepaged = Math.min(
    PAGEBLOCK_PAGES * KHUGEPAGED_PAGEBLOCKS * zones.length,
    Math.floor(all / 20),
  );
  const minFreeKilobytes = Math.floor(Math.sqrt(((all * PAGE) / 1024) * 16));
  const minimum = Math.max(Math.floor((minFreeKilobytes * 1024) / PAGE), forKhugepaged);
  return zones.map((zone) => {
    const pages = pagesOf(zone.ram);
    const min = Math.floor((minimum * pages) / all);
    // watermark_scale_factor: at least a thousandth of the zone lies between two watermarks.
    const gap = Math.max(min >> 2, Math.floor(pages / 1000));
    return { min, low: min + gap, high: min + 2 * gap, lowmemReserve: lowmemReserveOf(zone, zones) };
  });
}

/** By the highest zone that a request may use. */
function lowmemReserveOf(zone: ZoneState, zones: readonly ZoneState[]): number[] {
  const number = ZONE_NUMBERS[zone.name];
  return Object.values(ZONE_NUMBERS).map((highest) => {
    const higher = zones.filter(
      ({ name, node }) =>
        (node ?? 0) === (zone.node ?? 0) && ZONE_NUMBERS[name] > number && ZONE_NUMBERS[name] <= highest,
    );
    return Math.floor(higher.reduce((sum, { ram }) => sum + pagesOf(ram), 0) / LOWMEM_RESERVE_RATIO);
  });
}
