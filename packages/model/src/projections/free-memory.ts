/**
 * All free memory of the guest by block: a page is free unless it is in an allocation, in a slab, in the bounce buffers,
 * leaked, a page table, or held by others. So what a pool has claimed and does not use is free.
 */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import { forEachBlock } from '../geometry.ts';
import { anyOf, eventSet } from './event-sets.ts';
import type { Projection } from './projection.ts';

const FREES = eventSet(
  'pages-freed',
  'background-freed',
  'block-compacted',
  'page-table-freed',
  'pages-reclaimed',
);
const TAKES = eventSet(
  'pages-allocated',
  'background-allocated',
  'pages-leaked',
  'page-table-allocated',
  'slab-created',
);

/** Free pages of each block. */
export class FreeMemory implements Projection {
  readonly sees = anyOf(FREES, TAKES);
  /** Free pages. */
  pages = 0;
  /** Blocks that are free as a whole. */
  wholeBlocks = 0;
  readonly #pagesPerBlock: number;
  readonly #freeIn: Int32Array;

  /** `freeIn`: free pages of each block at the start. */
  constructor(freeIn: Int32Array, pagesPerBlock: number) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#freeIn = freeIn;
    for (const free of freeIn) {
      this.pages += free;
      if (free === pagesPerBlock) this.wholeBlocks++;
    }
  }

  observe(batch: EventBatch, row: number): void {
    const sign = freeSign(batch, row);
    const size = this.#pagesPerBlock;
    const pages = batch.pagesAt(row);
    // The boot pool may lie in memory that was in use already.
    const first = Math.floor(batch.pfnAt(row) / size);
    if (batch.typeAt(row) === TYPE.slabCreated && this.#freeIn[first] === 0) return;
    forEachBlock(batch.pfnAt(row), pages, size, (block, inside) => {
      const before = this.#freeIn[block];
      const after = before + sign * inside;
      this.#freeIn[block] = after;
      this.wholeBlocks += Number(after === size) - Number(before === size);
    });
    // The pages that leave a compacted block fill others, none of them free as a whole; the events do not say which.
    if (batch.typeAt(row) !== TYPE.blockCompacted) this.pages += sign * pages;
  }
}

/** 1 if an event makes its pages free, -1 if it takes them, else 0. */
function freeSign(batch: EventBatch, row: number): 1 | 0 | -1 {
  const type = batch.typeAt(row);
  if (FREES[type]) return 1;
  // A slab for objects is made of pages that an allocation has already; only the bounce buffers are nobody's.
  if (!TAKES[type] || (type === TYPE.slabCreated && batch.allocationAt(row) !== 0)) return 0;
  return -1;
}
