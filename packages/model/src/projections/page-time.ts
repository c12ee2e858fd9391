/**
 * An exact integral over time of pages, or of another whole number. 4 GiB over a day is more page-ns than a double holds, and
 * BigInt on every event is slow: so two limbs, the high one in units of 2^24 page-ns. Exact up to 2^77 page-ns: 1 TiB over
 * 6.5 days, 4 GiB over 4 years.
 */
export class PageTime {
  static readonly #UNIT = 2 ** 24;
  #high = 0;
  #low = 0;

  /** Adds a whole number of pages for a whole number of ns. */
  add(pages: number, ns: number): void {
    const highNs = Math.floor(ns / PageTime.#UNIT);
    const low = this.#low + pages * (ns - highNs * PageTime.#UNIT);
    const carry = Math.floor(low / PageTime.#UNIT);
    this.#low = low - carry * PageTime.#UNIT;
    this.#high += pages * highNs + carry;
  }

  /** The exact sum, in page-ns. */
  get pageNs(): bigint {
    return BigInt(this.#high) * BigInt(PageTime.#UNIT) + BigInt(this.#low);
  }
}
