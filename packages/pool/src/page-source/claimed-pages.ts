/**
 * Which pages are claimed: a bit for each page, and one for each pageblock that was claimed as a whole, so that such a claim does
 * not write the bits of 512 pages.
 */
import type { Geometry } from '@decpool/model';

export class ClaimedPages {
  readonly #bits: Int32Array;
  /** 1: all pages of the block are claimed, and their bits are 0. */
  readonly #isWhole: Uint8Array;
  readonly #blockOrder: number;

  constructor({ spanPages, pagesPerBlock }: Geometry) {
    this.#bits = new Int32Array(spanPages / 32);
    this.#isWhole = new Uint8Array(spanPages / pagesPerBlock);
    this.#blockOrder = Math.log2(pagesPerBlock);
  }

  /** Whether all pages of an aligned chunk are claimed. */
  has(pfn: number, order: number): boolean {
    if (order > this.#blockOrder) {
      return this.has(pfn, order - 1) && this.has(pfn + (1 << (order - 1)), order - 1);
    }
    if (this.#isWhole[pfn >> this.#blockOrder] === 1) return true;
    if (order < 5) {
      const mask = maskOf(pfn, order);
      return (this.#bits[pfn >>> 5] & mask) === mask;
    }
    const end = (pfn + (1 << order)) >>> 5;
    for (let word = pfn >>> 5; word < end; word++) if (this.#bits[word] !== ALL) return false;
    return true;
  }

  /** Of an aligned chunk whose pages are not claimed. */
  add(pfn: number, order: number): void {
    if (order < this.#blockOrder) {
      this.#setBits(pfn, order, true);
      return;
    }
    const end = (pfn + (1 << order)) >> this.#blockOrder;
    for (let block = pfn >> this.#blockOrder; block < end; block++) this.#isWhole[block] = 1;
  }

  /** Of an aligned chunk whose pages are all claimed. */
  remove(pfn: number, order: number): void {
    if (order > this.#blockOrder) {
      this.remove(pfn, order - 1);
      this.remove(pfn + (1 << (order - 1)), order - 1);
      return;
    }
    const block = pfn >> this.#blockOrder;
    const isWhole = this.#isWhole[block] === 1;
    this.#isWhole[block] = 0;
    if (isWhole && order === this.#blockOrder) return;
    if (isWhole) this.#setBits(block << this.#blockOrder, this.#blockOrder, true);
    this.#setBits(pfn, order, false);
  }

  #setBits(pfn: number, order: number, isClaimed: boolean): void {
    if (order >= 5) this.#bits.fill(isClaimed ? ALL : 0, pfn >>> 5, (pfn + (1 << order)) >>> 5);
    else if (isClaimed) this.#bits[pfn >>> 5] |= maskOf(pfn, order);
    else this.#bits[pfn >>> 5] &= ~maskOf(pfn, order);
  }
}

/** A word whose bits are all set. */
const ALL = -1;

/** The bits of a chunk of less than 32 pages in its word. */
const maskOf = (pfn: number, order: number): number => ((1 << (1 << order)) - 1) << (pfn & 31);
