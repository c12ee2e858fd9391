/**
 * A zone's counters and watermarks (struct zone, include/linux/mmzone.h). NR_FREE_PAGES lags: each CPU collects changes
 * until they exceed a threshold (__mod_zone_page_state(), mm/vmstat.c), and watermarks are compared with what has arrived.
 */
import type { ChunkLists } from './chunk-lists.ts';

/** watermark_boost_factor, mm/page_alloc.c, in 1/10000 of the high watermark. */
const BOOST_FACTOR = 15_000;
/** Largest threshold, and pages of memory that one step of it stands for: calculate_normal_threshold(), mm/vmstat.c. */
const MAX_THRESHOLD = 125;
const THRESHOLD_SHIFT = 15;

const fls = (value: number): number => 32 - Math.clz32(value);

/** Pages that a CPU's changes of NR_FREE_PAGES may come to before they are counted: calculate_normal_threshold(). */
export const statThreshold = (cpus: number, managedPages: number): number =>
  Math.min(MAX_THRESHOLD, 2 * fls(cpus) * (1 + fls(managedPages >>> THRESHOLD_SHIFT)));

/** What a zone is at the start; all in pages. */
export interface ZoneStart {
  readonly index: number;
  /** First page, and the first after it: what the zone spans. */
  readonly start: number;
  readonly end: number;
  readonly managed: number;
  readonly min: number;
  readonly low: number;
  readonly high: number;
  readonly boost: number;
  /** Pages kept from requests, by the highest zone that they may use. */
  readonly lowmemReserve: readonly number[];
  readonly reservedHighatomic: number;
  readonly isReclaiming: boolean;
  readonly isBelowHigh: boolean;
  readonly isBoosted: boolean;
}

export class Zone {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly managed: number;
  readonly min: number;
  readonly low: number;
  readonly high: number;
  boost: number;
  readonly lowmemReserve: readonly number[];
  reservedHighatomic: number;
  /** ZONE_RECLAIM_ACTIVE: kswapd works on the zone. */
  isReclaiming: boolean;
  /** ZONE_BELOW_HIGH: a request found the zone below its high watermark (since 6.7). */
  isBelowHigh: boolean;
  /** ZONE_BOOSTED_WATERMARK. */
  isBoosted: boolean;
  /** NR_FREE_PAGES as it stands. */
  freeCounter = 0;
  /** Changes of each CPU that are not in it yet. */
  readonly diffs: Int32Array;
  readonly threshold: number;
  readonly #lists: ChunkLists;

  /** `collectsCounts`: whether each CPU keeps changes of the counter for a while. */
  constructor(start: ZoneStart, cpus: number, lists: ChunkLists, collectsCounts = true) {
    this.index = start.index;
    this.start = start.start;
    this.end = start.end;
    this.managed = start.managed;
    this.min = start.min;
    this.low = start.low;
    this.high = start.high;
    this.boost = start.boost;
    this.lowmemReserve = start.lowmemReserve;
    this.reservedHighatomic = start.reservedHighatomic;
    this.isReclaiming = start.isReclaiming;
    this.isBelowHigh = start.isBelowHigh;
    this.isBoosted = start.isBoosted;
    this.diffs = new Int32Array(cpus);
    this.threshold = collectsCounts ? statThreshold(cpus, start.managed) : 0;
    this.#lists = lists;
  }

  /** Pages in the buddy lists. */
  get freePages(): number {
    return this.diffs.reduce((sum, diff) => sum + diff, this.freeCounter);
  }

  /** __mod_zone_page_state(NR_FREE_PAGES). */
  account(cpu: number, pages: number): void {
    const diff = this.diffs[cpu] + pages;
    if (diff > this.threshold || diff < -this.threshold) {
      this.freeCounter += diff;
      this.diffs[cpu] = 0;
    } else this.diffs[cpu] = diff;
  }

  /** refresh_cpu_vm_stats(): what a CPU has collected is counted. */
  foldDiff(cpu: number): void {
    this.freeCounter += this.diffs[cpu];
    this.diffs[cpu] = 0;
  }

  /**
   * zone_watermark_fast() and __zone_watermark_ok(): whether a request of `order` leaves more than `mark` and the reserve, and
   * there is a chunk for it. `reserve` is lowmem_reserve of the highest zone that the request may use.
   */
  isAbove(mark: number, order: number, highestZone: number): boolean {
    const free = this.freeCounter - ((1 << order) - 1) - this.reservedHighatomic;
    if (free <= mark + (this.lowmemReserve[highestZone] ?? 0)) return false;
    return order === 0 || this.#lists.hasChunk(this.index, order);
  }

  /** boost_watermark(): a fallback below a whole pageblock raises the watermarks, so that kswapd reclaims more. */
  boostWatermark(pageblockPages: number): void {
    if (pageblockPages * 4 > this.managed) return;
    const most = Math.floor((this.high * BOOST_FACTOR) / 10_000);
    if (most === 0) return;
    this.boost = Math.min(this.boost + pageblockPages, Math.max(pageblockPages, most));
    this.isBoosted = true;
  }
}
