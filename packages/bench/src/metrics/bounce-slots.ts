/**
 * The bounce buffers of swiotlb as the events tell of them: slabs of no request (allocation 0), shared for good. The
 * number of a slab is its place among the slab-created events, and an object's slab is in the column of page frames.
 */
import { type EventBatch, TYPE } from '@decpool/model';

export class BounceSlots {
  /** Bytes of all slots. */
  bytes = 0;
  /** Bytes of the slots that are taken. */
  usedBytes = 0;
  readonly #pageBytes: number;
  #slabs = 0;
  readonly #bounceSlabs = new Set<number>();
  /** By allocation: the bytes of its slots. */
  readonly #taken = new Map<number, number>();

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
  }

  /** Takes one event, and tells whether it changed how many slots are taken. */
  observe(batch: EventBatch, row: number): boolean {
    switch (batch.typeAt(row)) {
      case TYPE.slabCreated:
        this.#slabs++;
        if (batch.allocationAt(row) !== 0) return false;
        this.#bounceSlabs.add(this.#slabs);
        this.bytes += batch.pagesAt(row) * this.#pageBytes;
        return false;
      case TYPE.objectAllocated: {
        if (!this.#bounceSlabs.has(batch.pfnAt(row))) return false;
        const bytes = batch.bytesAt(row);
        this.#taken.set(batch.allocationAt(row), bytes);
        this.usedBytes += bytes;
        return true;
      }
      case TYPE.objectFreed: {
        const bytes = this.#taken.get(batch.allocationAt(row));
        if (bytes === undefined) return false;
        this.#taken.delete(batch.allocationAt(row));
        this.usedBytes -= bytes;
        return true;
      }
      default:
        return false;
    }
  }
}
