/** Units of equal size, each used or free: pages of a gen_pool chunk, objects of a slab. A request takes the lowest place that fits. */
export class UnitMap {
  free: number;
  readonly #isUsed: Uint8Array;
  /** No unit below this one is free. */
  #lowest = 0;
  /** A run of so many units was not found since the last units were given back. */
  #tooMany = Number.POSITIVE_INFINITY;
  /** The same of a run at a multiple of #align. */
  #tooManyAligned = Number.POSITIVE_INFINITY;
  #align = Number.POSITIVE_INFINITY;

  constructor(units: number) {
    this.free = units;
    this.#isUsed = new Uint8Array(units);
  }

  get isEmpty(): boolean {
    return this.free === this.#isUsed.length;
  }

  /** Takes the lowest run of free units that begins at a multiple of `align`, a power of two, and returns its first, or -1. */
  take(units: number, align: number): number {
    if (units > this.free || units >= this.#tooMany) return -1;
    if (align >= this.#align && units >= this.#tooManyAligned) return -1;
    const used = this.#isUsed;
    while (this.#lowest < used.length && used[this.#lowest] === 1) this.#lowest++;
    let first = Math.ceil(this.#lowest / align) * align;
    for (let end = first; end < used.length; ) {
      if (used[end] === 1) {
        first = Math.ceil((end + 1) / align) * align;
        end = first;
      } else if (++end - first === units) {
        used.fill(1, first, end);
        this.free -= units;
        return first;
      }
    }
    if (align === 1) this.#tooMany = units;
    else if (align <= this.#align) {
      this.#align = align;
      this.#tooManyAligned = units;
    }
    return -1;
  }

  give(first: number, units: number): void {
    this.#isUsed.fill(0, first, first + units);
    this.free += units;
    this.#tooMany = Number.POSITIVE_INFINITY;
    this.#align = Number.POSITIVE_INFINITY;
    this.#lowest = Math.min(this.#lowest, first);
  }
}
