import type { PageRun } from '@decpool/model/internal';
import type { Random } from './random.ts';

/** A pageblock that is partly in use, while free chunks are being placed in it. */
export class Pageblock {
  /** First page. */
  readonly start: number;
  readonly #pages: number;
  /** Pages that are in a free chunk, or no RAM. */
  readonly #taken: Uint8Array;
  /** Order of the free chunk that begins at a page, plus 1; 0 when none does. */
  readonly #heads: Uint8Array;

  constructor(start: number, pages: number, ram: readonly PageRun[]) {
    this.start = start;
    this.#pages = pages;
    this.#taken = new Uint8Array(pages).fill(1);
    this.#heads = new Uint8Array(pages);
    for (const [first, length] of ram) {
      const from = Math.max(0, first - start);
      const to = Math.min(pages, first + length - start);
      if (from < to) this.#taken.fill(0, from, to);
    }
  }

  /**
   * Places up to `wanted` chunks of 2^order pages at random, naturally aligned, so that none has a free buddy of its
   * own order. Returns their first pages in address order.
   */
  place(order: number, wanted: number, random: Random): number[] {
    const size = 1 << order;
    const open = this.#openPlaces(order);
    const placed: number[] = [];
    while (placed.length < wanted && open.length > 0) {
      const pick = random.below(open.length);
      const at = open[pick];
      open[pick] = open[open.length - 1];
      open.pop();
      // Its buddy may have been placed since.
      if (this.#heads[at ^ size] === order + 1) continue;
      this.#taken.fill(1, at, at + size);
      this.#heads[at] = order + 1;
      placed.push(this.start + at);
    }
    return placed.sort((a, b) => a - b);
  }

  #openPlaces(order: number): number[] {
    const open: number[] = [];
    const size = 1 << order;
    for (let at = 0; at < this.#pages; ) {
      const taken = this.#taken[at] === 1 ? at : this.#taken.indexOf(1, at);
      const end = taken === -1 ? this.#pages : taken;
      for (; at + size <= end; at += size) if (this.#heads[at ^ size] !== order + 1) open.push(at);
      // The chunk with the taken page is not open.
      at += size;
    }
    return open;
  }
}
