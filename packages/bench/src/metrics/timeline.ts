/** How the reserve of shared, idle pages and the live ones went over time, at a bounded number of points. */
import type { EventBatch } from '@decpool/model';
import type { EventSet, Projection, SharedIdle } from '@decpool/model/internal';

export interface TimelinePoint {
  /** Simulated ns. */
  readonly time: number;
  /** Bytes that are shared but in no allocation and no slab, unused bounce slots included: a pool's reserve, for one. */
  readonly sharedIdleBytes: number;
  /** Bytes in allocations, slabs and taken bounce slots. */
  readonly liveBytes: number;
}

const MAX_POINTS = 256;
/** Simulated ns that one point stands for at first. It doubles whenever there are too many points. */
const FIRST_BIN = 1024;

export class Timeline implements Projection {
  readonly sees: EventSet;
  readonly #memory: SharedIdle;
  /** By bin: the values at the end of each bin in which anything happened. */
  #bins = new Map<number, TimelinePoint>();
  #binWidth = FIRST_BIN;

  /** `memory` sees each row before. */
  constructor(memory: SharedIdle) {
    this.#memory = memory;
    this.sees = memory.sees;
  }

  observe(batch: EventBatch, row: number): void {
    if (!this.#memory.hasChanged) return;
    const { idleBytes, liveBytes } = this.#memory;
    const time = batch.timeAt(row);
    this.#bins.set(Math.floor(time / this.#binWidth), { time, sharedIdleBytes: idleBytes, liveBytes });
    while (this.#bins.size > MAX_POINTS) {
      this.#binWidth *= 2;
      // Of two bins that become one, the later value stays.
      this.#bins = new Map(this.points().map((point) => [Math.floor(point.time / this.#binWidth), point]));
    }
  }

  points(): TimelinePoint[] {
    return [...this.#bins.values()];
  }
}
