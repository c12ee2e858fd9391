/**
 * All free memory of the guest by block, whoever holds it: a page is free unless it is in an allocation, in a slab, in
 * the bounce buffers, leaked, or held by others. So what a pool has claimed and does not use is free. Each event costs as
 * many steps as it has blocks.
 */
import { type EventBatch, type LogHeader, TYPE } from '@decpool/model';
import { freePagesAtStart } from '@decpool/pool';

export class FreeMemory {
  readonly #pagesPerBlock: number;
  readonly #freeIn: Int32Array;
  #pages = 0;
  #wholeBlocks = 0;

  constructor({ memory, geometry, seed }: LogHeader) {
    this.#pagesPerBlock = geometry.pagesPerBlock;
    this.#freeIn = freePagesAtStart(memory, geometry, seed);
    for (const free of this.#freeIn) {
      this.#pages += free;
      if (free === geometry.pagesPerBlock) this.#wholeBlocks++;
    }
  }

  /** Free pages. */
  get pages(): number {
    return this.#pages;
  }

  /** Blocks that are free as a whole. */
  get wholeBlocks(): number {
    return this.#wholeBlocks;
  }

  observe(batch: EventBatch, row: number): void {
    const sign = freeSign(batch, row);
    if (sign === 0) return;
    const start = batch.pfnAt(row);
    const pages = batch.pagesAt(row);
    if (batch.typeAt(row) === TYPE.blockCompacted) {
      // The pages that leave the block fill others, none of them free as a whole; the events do not say which.
      this.#change(start, pages, 1);
      this.#pages -= pages;
    } else {
      this.#change(start, pages, sign);
    }
  }

  #change(start: number, pages: number, sign: 1 | -1): void {
    const pagesPerBlock = this.#pagesPerBlock;
    for (let at = start, end = start + pages; at < end; ) {
      const block = Math.floor(at / pagesPerBlock);
      const to = Math.min(end, (block + 1) * pagesPerBlock);
      const before = this.#freeIn[block];
      const after = before + sign * (to - at);
      this.#freeIn[block] = after;
      this.#wholeBlocks += Number(after === pagesPerBlock) - Number(before === pagesPerBlock);
      at = to;
    }
    this.#pages += sign * pages;
  }
}

/** Whether an event makes its pages free (1), takes them (-1) or does neither (0). */
function freeSign(batch: EventBatch, row: number): 1 | 0 | -1 {
  switch (batch.typeAt(row)) {
    case TYPE.pagesFreed:
    case TYPE.backgroundFreed:
    case TYPE.blockCompacted:
      return 1;
    case TYPE.pagesAllocated:
    case TYPE.backgroundAllocated:
    case TYPE.pagesLeaked:
      return -1;
    case TYPE.slabCreated:
      // A slab for objects is made of pages that an allocation has already; only the bounce buffers are nobody's.
      return batch.allocationAt(row) === 0 ? -1 : 0;
    default:
      return 0;
  }
}
