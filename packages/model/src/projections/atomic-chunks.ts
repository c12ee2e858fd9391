/** The chunks that the atomic DMA pools have from boot on, and how many of their pages are used. */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import { eventSet } from './event-sets.ts';
import type { Projection } from './projection.ts';

export class AtomicChunks implements Projection {
  readonly sees = eventSet('atomic-pool-grown', 'pages-allocated', 'pages-freed');
  /** Pages in chunks, of boot and later ones. */
  pages = 0;
  /** Pages of the boot's chunks that are in no allocation and no slab. */
  unusedAtBoot = 0;
  readonly #boot: { readonly start: number; readonly end: number }[] = [];

  /** Returns whether the event changed how many pages of the boot's chunks are unused. */
  observe(batch: EventBatch, row: number): boolean {
    switch (batch.typeAt(row)) {
      case TYPE.atomicPoolGrown: {
        const start = batch.pfnAt(row);
        const pages = batch.pagesAt(row);
        this.pages += pages;
        if (batch.requestAt(row) !== 0) return false;
        this.#boot.push({ start, end: start + pages });
        this.unusedAtBoot += pages;
        return true;
      }
      case TYPE.pagesAllocated:
        return this.#use(batch, row, 1);
      case TYPE.pagesFreed:
        return this.#use(batch, row, -1);
      default:
        return false;
    }
  }

  #use(batch: EventBatch, row: number, sign: 1 | -1): boolean {
    const page = batch.pfnAt(row);
    for (const { start, end } of this.#boot) {
      if (page < start || page >= end) continue;
      this.unusedAtBoot -= sign * batch.pagesAt(row);
      return true;
    }
    return false;
  }
}
