/** How the reserve of shared, idle pages and the live ones went over time, at a bounded number of points. */
import { type EventBatch, type LogHeader, TYPE } from '@decpool/model';
import { exposureSign } from './exposure-sign.ts';

export interface TimelinePoint {
  /** Simulated ns. */
  readonly time: number;
  /** Bytes that are shared but in no allocation and no slab: the reserve of a pool that keeps one. */
  readonly sharedIdleBytes: number;
  /** Bytes in allocations and slabs. */
  readonly liveBytes: number;
}

const MOST_POINTS = 256;
/** Simulated ns that one point stands for at first; it doubles whenever there are too many points. */
const FIRST_BIN = 1024;

export class Timeline {
  readonly #pageBytes: number;
  /** What stood at the end of each bin in which anything happened. */
  #bins = new Map<number, { time: number; shared: number; live: number }>();
  #binWidth = FIRST_BIN;
  #shared = 0;
  #live = 0;

  constructor({ geometry }: LogHeader) {
    this.#pageBytes = 2 ** geometry.pageShift;
  }

  observe(batch: EventBatch): void {
    for (let row = 0; row < batch.length; row++) {
      const type = batch.typeAt(row);
      const sign = exposureSign(batch, row);
      if (sign !== 0) this.#shared += sign * batch.pagesAt(row);
      else if (type === TYPE.pagesAllocated) this.#live += batch.pagesAt(row);
      else if (type === TYPE.pagesFreed) this.#live -= batch.pagesAt(row);
      else if (type === TYPE.slabCreated && batch.allocationAt(row) === 0) this.#live += batch.pagesAt(row);
      else continue;
      this.#note(batch.timeAt(row));
    }
  }

  #note(time: number): void {
    this.#bins.set(Math.floor(time / this.#binWidth), { time, shared: this.#shared, live: this.#live });
    while (this.#bins.size > MOST_POINTS) this.#coarsen();
  }

  /** Halves the resolution: of two bins the later one stands. */
  #coarsen(): void {
    this.#binWidth *= 2;
    const bins = new Map<number, { time: number; shared: number; live: number }>();
    for (const point of this.#bins.values()) bins.set(Math.floor(point.time / this.#binWidth), point);
    this.#bins = bins;
  }

  points(): TimelinePoint[] {
    return [...this.#bins.values()].map(({ time, shared, live }) => ({
      time,
      sharedIdleBytes: Math.max(0, shared - live) * this.#pageBytes,
      liveBytes: live * this.#pageBytes,
    }));
  }
}
