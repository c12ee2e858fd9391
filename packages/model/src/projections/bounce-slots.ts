/** The bounce buffers of swiotlb: slabs of no request (allocation 0). An object's slab is in the pfn column. */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';

export class BounceSlots {
  /** Bytes of all slots. */
  bytes = 0;
  /** Bytes of the slots that are taken. */
  usedBytes = 0;
  usedPeakBytes = 0;
  readonly #pageBytes: number;
  #slabs = 0;
  readonly #bounceSlabs = new Set<number>();
  /** By allocation: the bytes of its slots. */
  readonly #taken = new Map<number, number>();

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
  }

  /** Whether the slots of an allocation are taken. */
  has(allocation: number): boolean {
    return this.#taken.has(allocation);
  }

  /** Returns whether the event changed how many slots are taken. */
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
        this.usedPeakBytes = Math.max(this.usedPeakBytes, this.usedBytes);
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
