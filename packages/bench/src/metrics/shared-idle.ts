/**
 * What is shared, and how much of it somebody uses, after each event. Counted in half pages: the smallest piece that
 * can be idle by itself is a slot of the bounce buffers, 2 KiB (IO_TLB_SIZE, include/linux/swiotlb.h), and counts that
 * stay whole can be integrated exactly.
 */
import { type EventBatch, TYPE } from '@decpool/model';
import { BounceSlots } from './bounce-slots.ts';
import { exposureSign } from './exposure-sign.ts';

export class SharedIdle {
  readonly #bounce: BounceSlots;
  readonly #halfPageBytes: number;
  #sharedPages = 0;
  #livePages = 0;

  constructor(pageShift: number) {
    this.#bounce = new BounceSlots(1 << pageShift);
    this.#halfPageBytes = 1 << (pageShift - 1);
  }

  /** Half pages in allocations, in slabs that were made for a request, and in bounce slots that are taken. */
  get live(): number {
    return 2 * this.#livePages + this.#bounce.usedBytes / this.#halfPageBytes;
  }

  /** Half pages that are shared and not live. */
  get idle(): number {
    return Math.max(0, 2 * this.#sharedPages - this.live);
  }

  /** Takes one event, and tells whether it changed anything here. */
  observe(batch: EventBatch, row: number): boolean {
    const sign = exposureSign(batch, row);
    if (sign !== 0) {
      this.#sharedPages += sign * batch.pagesAt(row);
      return true;
    }
    switch (batch.typeAt(row)) {
      case TYPE.pagesAllocated:
        this.#livePages += batch.pagesAt(row);
        return true;
      case TYPE.pagesFreed:
        this.#livePages -= batch.pagesAt(row);
        return true;
      default:
        return this.#bounce.observe(batch, row);
    }
  }
}
