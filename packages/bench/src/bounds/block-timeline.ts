/**
 * Which pages of one block are used over time, for packings that are not made in the order of time. A segment tree over
 * the requests: `cover` of a node are the pages used during all of its span by items that were put down at it, `any` those
 * used at some time in it. A query ORs `any` of the nodes within it and `cover` of those around it; only in the two leaves
 * where it begins and ends are the items looked at one by one.
 */
import { wordsFor } from './page-mask.ts';

interface Partial {
  readonly start: number;
  readonly end: number;
  readonly mask: Int32Array;
}

export class BlockTimeline {
  readonly #words: number;
  readonly #leaves: number;
  readonly #leafSpan: number;
  readonly #cover: Int32Array;
  readonly #any: Int32Array;
  /** By node: 1 if `cover` has pages. Most have none, and are not read. */
  readonly #isCovered: Uint8Array;
  /** By leaf: items that are there for a part of its span. */
  readonly #partials: (Partial[] | undefined)[] = [];

  /** Over requests 0..requests; `leaves` is a power of two. */
  constructor(pagesPerBlock: number, requests: number, leaves: number) {
    this.#words = wordsFor(pagesPerBlock);
    this.#leaves = leaves;
    this.#leafSpan = Math.ceil((requests + 1) / leaves);
    this.#cover = new Int32Array(2 * leaves * this.#words);
    this.#any = new Int32Array(2 * leaves * this.#words);
    this.#isCovered = new Uint8Array(2 * leaves);
  }

  /** Marks the pages of the mask as used from request `start` to before `end`. */
  add(start: number, end: number, mask: Int32Array): void {
    this.#add(1, 0, this.#leaves * this.#leafSpan, { start, end, mask });
  }

  #add(node: number, from: number, to: number, item: Partial): void {
    const { start, end, mask } = item;
    if (end <= from || to <= start) return;
    this.#or(this.#any, node, mask);
    if (start <= from && to <= end) {
      this.#or(this.#cover, node, mask);
      this.#isCovered[node] = 1;
      return;
    }
    if (node >= this.#leaves) {
      const leaf = node - this.#leaves;
      const partials = this.#partials[leaf];
      if (partials === undefined) this.#partials[leaf] = [item];
      else partials.push(item);
      return;
    }
    const middle = (from + to) / 2;
    this.#add(2 * node, from, middle, item);
    this.#add(2 * node + 1, middle, to, item);
  }

  #or(into: Int32Array, node: number, mask: Int32Array): void {
    const base = node * this.#words;
    for (let word = 0; word < this.#words; word++) into[base + word] |= mask[word];
  }

  /** Adds to the mask what is used at some time from request `start` to before `end`. */
  collect(start: number, end: number, into: Int32Array): void {
    let first = this.#leaves + Math.floor(start / this.#leafSpan);
    let last = this.#leaves + Math.floor((end - 1) / this.#leafSpan);
    this.#collectPartials(first, start, end, into);
    if (last !== first) this.#collectPartials(last, start, end, into);
    // The nodes between the two leaves, and what covers a node around one of them.
    for (; last - first > 1; first >>= 1, last >>= 1) {
      this.#collectCover(first, into);
      this.#collectCover(last, into);
      if ((first & 1) === 0) this.#collectNode(this.#any, first + 1, into);
      if ((last & 1) === 1) this.#collectNode(this.#any, last - 1, into);
    }
    for (; last !== first; first >>= 1, last >>= 1) {
      this.#collectCover(first, into);
      this.#collectCover(last, into);
    }
    for (; first > 0; first >>= 1) this.#collectCover(first, into);
  }

  #collectCover(node: number, into: Int32Array): void {
    if (this.#isCovered[node] === 1) this.#collectNode(this.#cover, node, into);
  }

  #collectNode(masks: Int32Array, node: number, into: Int32Array): void {
    const words = this.#words;
    const base = node * words;
    for (let word = 0; word < words; word++) into[word] |= masks[base + word];
  }

  #collectPartials(node: number, start: number, end: number, into: Int32Array): void {
    for (const partial of this.#partials[node - this.#leaves] ?? []) {
      if (partial.end <= start || end <= partial.start) continue;
      for (let word = 0; word < this.#words; word++) into[word] |= partial.mask[word];
    }
  }
}
