/** The most memory that was shared and idle since a frame, at the end of an instant: within one, it comes and goes. */
import type { EventBatch } from '@decpool/model';
import { SharedIdle } from '../metrics/shared-idle.ts';

export class IdlePeak {
  readonly #memory: SharedIdle;
  readonly #halfPageBytes: number;
  #time = 0;
  /** What stood when time last moved on. */
  #standing = 0;
  #peak = -1;

  constructor(pageShift: number) {
    this.#memory = new SharedIdle(pageShift);
    this.#halfPageBytes = 2 ** (pageShift - 1);
  }

  /** Bytes in allocations, slabs and taken bounce slots. */
  get liveBytes(): number {
    return this.#memory.live * this.#halfPageBytes;
  }

  /** Before the events of an instant are taken: the one before is over. */
  moveTo(time: number): void {
    if (time > this.#time) this.endInstant();
    this.#time = time;
  }

  endInstant(): void {
    this.#standing = this.#memory.idle;
    this.#peak = Math.max(this.#peak, this.#standing);
  }

  observe(batch: EventBatch, row: number): void {
    this.#memory.observe(batch, row);
  }

  /** Bytes; the most over the instants that ended since the last call, or what stands where none did. */
  take(): number {
    const peak = this.#peak === -1 ? this.#standing : this.#peak;
    this.#peak = -1;
    return peak * this.#halfPageBytes;
  }
}
