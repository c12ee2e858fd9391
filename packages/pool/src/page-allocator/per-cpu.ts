/**
 * How many pages the lists of one CPU may hold, and how many move at once between them and the zone: struct per_cpu_pages and
 * what adapts it to the load, in mm/page_alloc.c. Two generations: 6.1 (free_factor) and since 6.7 (alloc_factor, free_count and
 * a high mark between two bounds).
 */
import type { Zone } from './zone.ts';

/** CONFIG_PCP_BATCH_SCALE_MAX: a batch grows to at most 2^5 of its own. */
const BATCH_SCALE_MAX = 5;
/** Orders 1 to 3: chunks that fragment memory when many wait in the lists (PAGE_ALLOC_COSTLY_ORDER). */
const isSmallChunk = (order: number): boolean => order > 0 && order <= 3;

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** The fields of struct per_cpu_pages, in pages. */
export interface PerCpuStart {
  readonly batch: number;
  readonly high: number;
  /** 6.7 and later; equal: the high mark does not adapt. */
  readonly highMin?: number;
  readonly highMax?: number;
  readonly freeFactor?: number;
  readonly allocFactor?: number;
  readonly freeCount?: number;
  /** PCPF_PREV_FREE_HIGH_ORDER and PCPF_FREE_HIGH_BATCH. */
  readonly wasSmallChunkFreed?: boolean;
  readonly keepsBatch?: boolean;
}

/** What one CPU's lists of one zone hold, and by which rule they are filled and emptied. */
export interface PerCpu {
  /** Pages in the lists. */
  count: number;
  readonly batch: number;
  /** Before a chunk is taken for one request, but not for a bulk request. */
  allocating(): void;
  /** Chunks to fill an empty list with. */
  chunksToFill(zone: Zone, order: number): number;
  /** After a chunk was freed to the lists: how many pages go back to the zone now. */
  pagesToReturn(zone: Zone, order: number): number;
  /** vmstat_update(), every second: how many pages an idle CPU gives back. */
  decay(): number;
}

const scaled = (batch: number, order: number): number => (batch > 1 ? Math.max(batch >> order, 2) : batch);

export class PerCpu61 implements PerCpu {
  count = 0;
  readonly batch: number;
  readonly #high: number;
  #freeFactor: number;

  constructor({ batch, high, freeFactor = 0 }: PerCpuStart) {
    this.batch = batch;
    this.#high = high;
    this.#freeFactor = freeFactor;
  }

  allocating(): void {
    this.#freeFactor >>= 1;
  }

  chunksToFill(_zone: Zone, order: number): number {
    return scaled(this.batch, order);
  }

  pagesToReturn(zone: Zone, order: number): number {
    const returnsAll = this.#freeFactor > 0 && isSmallChunk(order);
    if (this.count < this.#highNow(zone, returnsAll)) return 0;
    if (returnsAll) return this.count;
    return this.#pagesOf(this.#highNow(zone, false));
  }

  /** nr_pcp_high(). */
  #highNow(zone: Zone, returnsAll: boolean): number {
    if (returnsAll || this.#high === 0) return 0;
    return zone.isReclaiming ? Math.min(this.batch << 2, this.#high) : this.#high;
  }

  /** nr_pcp_free(). */
  #pagesOf(high: number): number {
    if (high < this.batch) return 1;
    const most = high - this.batch;
    const grown = this.batch << this.#freeFactor;
    if (grown < most) this.#freeFactor++;
    return clamp(grown, this.batch, Math.max(most, this.batch));
  }

  decay(): number {
    return 0;
  }
}

export class PerCpu67 implements PerCpu {
  count = 0;
  readonly batch: number;
  #high: number;
  readonly #highMin: number;
  readonly #highMax: number;
  #allocFactor: number;
  #freeCount: number;
  #wasSmallChunkFreed: boolean;
  readonly #keepsBatch: boolean;
  /** Consecutively freed pages from which on small chunks empty the lists. */
  readonly #freeCountForAll: number;

  /** `addsHalfOfHigh`: since 7.x, the lists are emptied for small chunks only after half of high_min more was freed. */
  constructor(start: PerCpuStart, addsHalfOfHigh: boolean) {
    const { batch, high, highMin = high, highMax = high } = start;
    this.batch = batch;
    this.#high = high;
    this.#highMin = highMin;
    this.#highMax = highMax;
    this.#allocFactor = start.allocFactor ?? 0;
    this.#freeCount = start.freeCount ?? 0;
    this.#wasSmallChunkFreed = start.wasSmallChunkFreed ?? false;
    this.#keepsBatch = start.keepsBatch ?? false;
    this.#freeCountForAll = addsHalfOfHigh ? batch + Math.floor(highMin / 2) : batch;
  }

  allocating(): void {
    this.#freeCount >>= 1;
  }

  /** nr_pcp_alloc(). */
  chunksToFill(zone: Zone, order: number): number {
    this.#high = clamp(this.#high, this.#highMin, this.#highMax);
    if (this.#high < this.batch) return 1;
    let batch = order > 0 ? this.batch : this.batch << this.#allocFactor;
    if (this.#highMin !== this.#highMax && !zone.isBelowHigh) {
      this.#high = Math.min(this.#high + batch, this.#highMax);
    }
    if (order === 0) {
      const most = Math.max(this.#high - this.count - this.batch, this.batch);
      if (batch <= most && this.#allocFactor < BATCH_SCALE_MAX) this.#allocFactor++;
      batch = Math.min(batch, most);
    }
    return scaled(batch, order);
  }

  pagesToReturn(zone: Zone, order: number): number {
    this.#allocFactor >>= 1;
    let returnsAll = false;
    if (isSmallChunk(order)) {
      returnsAll =
        this.#freeCount >= this.#freeCountForAll &&
        this.#wasSmallChunkFreed &&
        (!this.#keepsBatch || this.count >= this.batch);
      this.#wasSmallChunkFreed = true;
    } else this.#wasSmallChunkFreed = false;
    if (this.#freeCount < this.batch << BATCH_SCALE_MAX) this.#freeCount += 1 << order;
    const high = this.#highNow(zone, returnsAll);
    return this.count < high ? 0 : this.#pagesOf(high, returnsAll);
  }

  /** nr_pcp_high(). */
  #highNow(zone: Zone, returnsAll: boolean): number {
    const high = clamp(this.#high, this.#highMin, this.#highMax);
    this.#high = high;
    if (high === 0) return 0;
    if (returnsAll) {
      this.#high = Math.max(high - (this.batch << BATCH_SCALE_MAX), this.#highMin);
      return 0;
    }
    if (zone.isReclaiming) {
      this.#high = Math.max(high - Math.max(this.#freeCount, this.batch), this.#highMin);
      return Math.min(this.batch << 2, this.#high);
    }
    if (this.#highMin === this.#highMax) return high;
    if (zone.isBelowHigh) {
      this.#high = Math.max(high - Math.max(this.#freeCount, this.batch), this.#highMin);
      return Math.max(this.count, this.#highMin);
    }
    if (this.count >= high) {
      const needed = this.#freeCount + this.batch;
      if (this.#high < needed) this.#high = clamp(needed, this.#highMin, this.#highMax);
    }
    return high;
  }

  /** nr_pcp_free(). */
  #pagesOf(high: number, returnsAll: boolean): number {
    if (returnsAll) return Math.min(this.count, this.batch << BATCH_SCALE_MAX);
    if (high < this.batch) return 1;
    return clamp(this.#freeCount, this.batch, Math.max(high - this.batch, this.batch));
  }

  /** decay_pcp_high(). */
  decay(): number {
    if (this.#high > this.#highMin) {
      const most = Math.max(this.count - (this.batch << BATCH_SCALE_MAX), this.#high - (this.#high >> 3));
      this.#high = Math.max(most, this.#highMin);
    }
    return Math.max(0, this.count - this.#high);
  }
}
