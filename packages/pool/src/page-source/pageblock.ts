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

  constructor(start: number, pages: number, isRam: (pfn: number) => boolean) {
    this.start = start;
    this.#pages = pages;
    this.#taken = new Uint8Array(pages);
    this.#heads = new Uint8Array(pages);
    for (let page = 0; page < pages; page++) this.#taken[page] = isRam(start + page) ? 0 : 1;
  }

  /**
   * Places up to `wanted` chunks of 2^order pages at random, naturally aligned, so that none has a free buddy of its
   * own order. Returns their first pages in address order.
   */
  place(order: number, wanted: number, random: Random): number[] {
    const size = 1 << order;
    const open: number[] = [];
    for (let at = 0; at < this.#pages; at += size) if (this.#isOpen(at, order)) open.push(at);
    const placed: number[] = [];
    while (placed.length < wanted && open.length > 0) {
      const pick = random.below(open.length);
      const at = open[pick];
      open[pick] = open[open.length - 1];
      open.pop();
      if (!this.#isOpen(at, order)) continue;
      this.#taken.fill(1, at, at + size);
      this.#heads[at] = order + 1;
      placed.push(this.start + at);
    }
    return placed.sort((a, b) => a - b);
  }

  #isOpen(at: number, order: number): boolean {
    for (let page = at; page < at + (1 << order); page++) if (this.#taken[page] === 1) return false;
    return this.#heads[at ^ (1 << order)] !== order + 1;
  }
}
