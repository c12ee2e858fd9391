/** The bounce buffers of swiotlb: slabs of no request (allocation 0). An object's slab is in the pfn column. */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import { isBootSlab } from './boot-pool.ts';
import { eventSet } from './event-sets.ts';
import type { Projection } from './projection.ts';

/** Which slots of the bounce buffers are in use, in bytes. */
export class BounceSlots implements Projection {
  readonly sees = eventSet('slab-created', 'object-allocated', 'object-freed');
  /** Bytes of all slots. */
  bytes = 0;
  /** Bytes of the slots that are taken. */
  usedBytes = 0;
  usedPeakBytes = 0;
  /** Of the bytes of slots that are not taken, those of the boot pool. */
  unusedAtBoot = 0;
  readonly #pageBytes: number;
  #slabs = 0;
  /** Slabs of bounce buffers, and whether they are of the boot pool. */
  readonly #bounceSlabs = new Map<number, boolean>();
  /** By allocation: its slots. */
  readonly #taken = new Map<number, { readonly bytes: number; readonly isAtBoot: boolean }>();

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
        this.#bounceSlabs.set(this.#slabs, isBootSlab(batch, row));
        this.bytes += batch.pagesAt(row) * this.#pageBytes;
        if (isBootSlab(batch, row)) this.unusedAtBoot += batch.pagesAt(row) * this.#pageBytes;
        return false;
      case TYPE.objectAllocated: {
        const isAtBoot = this.#bounceSlabs.get(batch.pfnAt(row));
        if (isAtBoot === undefined) return false;
        const bytes = batch.bytesAt(row);
        this.#taken.set(batch.allocationAt(row), { bytes, isAtBoot });
        this.usedBytes += bytes;
        if (isAtBoot) this.unusedAtBoot -= bytes;
        this.usedPeakBytes = Math.max(this.usedPeakBytes, this.usedBytes);
        return true;
      }
      case TYPE.objectFreed: {
        const slots = this.#taken.get(batch.allocationAt(row));
        if (slots === undefined) return false;
        this.#taken.delete(batch.allocationAt(row));
        this.usedBytes -= slots.bytes;
        if (slots.isAtBoot) this.unusedAtBoot += slots.bytes;
        return true;
      }
      default:
        return false;
    }
  }
}
