/**
 * Free memory as a buddy allocator has it: maximal runs cut into the largest aligned chunks. An aligned chunk of at most a
 * block lies in one block, so each block is cut by itself; only blocks that are free as a whole make larger chunks together.
 */
import { MAX_PAGE_ORDER } from '@decpool/model';

export const ORDERS = MAX_PAGE_ORDER + 1;

/** Counts the chunks that [from, to) is cut into, of an order from `base` up; `from` and `to` in chunks of that order. */
export function countChunks(from: number, to: number, base: number, count: (order: number) => void): void {
  for (let at = from; at < to; ) {
    let order = base;
    let size = 1;
    while (order < MAX_PAGE_ORDER && at % (2 * size) === 0 && at + 2 * size <= to) {
      order++;
      size *= 2;
    }
    count(order);
    at += size;
  }
}

export class FreeChunks {
  /** Chunks by order. */
  readonly counts: number[] = new Array(ORDERS).fill(0);
  readonly #blockOrder: number;
  /** Blocks that make a chunk of the highest order. */
  readonly #groupBlocks: number;
  readonly #isFree: Uint8Array;

  constructor(blocks: number, pagesPerBlock: number) {
    this.#blockOrder = Math.log2(pagesPerBlock);
    this.#groupBlocks = 2 ** Math.max(0, MAX_PAGE_ORDER - this.#blockOrder);
    this.#isFree = new Uint8Array(blocks);
  }

  /** Takes a block's chunks away, or adds them: counts by order, none larger than the block. */
  change(block: number, chunks: readonly number[], sign: 1 | -1): void {
    const isWhole = this.#groupBlocks > 1 && chunks[this.#blockOrder] === 1;
    if (isWhole) this.#changeWhole(block, sign);
    else for (let order = 0; order < ORDERS; order++) this.counts[order] += sign * chunks[order];
  }

  #changeWhole(block: number, sign: 1 | -1): void {
    const first = block - (block % this.#groupBlocks);
    this.#countGroup(first, -1);
    this.#isFree[block] = Number(sign === 1);
    this.#countGroup(first, 1);
  }

  #countGroup(first: number, sign: 1 | -1): void {
    const end = Math.min(first + this.#groupBlocks, this.#isFree.length);
    for (let at = first; at < end; at++) {
      if (this.#isFree[at] === 0) continue;
      const from = at;
      while (at < end && this.#isFree[at] === 1) at++;
      countChunks(from - first, at - first, this.#blockOrder, (order) => {
        this.counts[order] += sign;
      });
    }
  }
}
