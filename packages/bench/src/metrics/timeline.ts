/** How the reserve of shared, idle pages and the live ones went over time, at a bounded number of points. */
import type { EventBatch, SharedIdle } from '@decpool/model';

export interface TimelinePoint {
  /** Simulated ns. */
  readonly time: number;
  /**
   * Bytes that are shared but in no allocation and no slab, unused bounce slots included: the reserve of a pool that keeps one,
   * and what streaming maps leave of theirs.
   */
  readonly sharedIdleBytes: number;
  /** Bytes in allocations, slabs and taken bounce slots. */
  readonly liveBytes: number;
}

const MOST_POINTS = 256;
/** Simulated ns that one point stands for at first; it doubles whenever there are too many points. */
const FIRST_BIN = 1024;

export class Timeline {
  readonly #memory: SharedIdle;
  /** What stood at the end of each bin in which anything happened. */
  #bins = new Map<number, TimelinePoint>();
  #binWidth = FIRST_BIN;

  /** `memory` sees each row before. */
  constructor(memory: SharedIdle) {
    this.#memory = memory;
  }

  observe(batch: EventBatch, row: number): void {
    if (this.#memory.hasChanged) this.#note(batch.timeAt(row));
  }

  #note(time: number): void {
    this.#bins.set(Math.floor(time / this.#binWidth), {
      time,
      sharedIdleBytes: this.#memory.idleBytes,
      liveBytes: this.#memory.liveBytes,
    });
    while (this.#bins.size > MOST_POINTS) this.#coarsen();
  }

  /** Halves the resolution: of two bins the later one stands. */
  #coarsen(): void {
    this.#binWidth *= 2;
    const bins = new Map<number, TimelinePoint>();
    for (const point of this.#bins.values()) bins.set(Math.floor(point.time / this.#binWidth), point);
    this.#bins = bins;
  }

  points(): TimelinePoint[] {
    return [...this.#bins.values()];
  }
}
