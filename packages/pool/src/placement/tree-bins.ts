/**
 * Trees of blocks, each in one bin or in none, and each with the order of its largest naturally aligned free chunk. There is a bit per
 * tree for each bin and for each order. So the nearest tree of a bin that holds a chunk is found 32 trees at a time.
 */

/** Of a tree that is in no bin. */
export const NO_BIN = -1;

/** Which trees are looked for. */
export interface WantedTree {
  readonly bin: number;
  /** The tree has a naturally aligned free chunk of this order. */
  readonly order: number;
  /** It is one of the trees [first, end). */
  readonly first: number;
  readonly end: number;
}

export class TreeBins {
  readonly #trees: number;
  readonly #words: number;
  readonly #binOf: Int8Array;
  readonly #orderOf: Int8Array;
  /** By bin: the trees in it. */
  readonly #members: Uint32Array;
  /** By order: the trees that have a free chunk of it. */
  readonly #holders: Uint32Array;

  /** Bins from 0 to `bins` - 1, orders from 0 to `maxOrder`. */
  constructor(bins: number, maxOrder: number, trees: number) {
    this.#trees = trees;
    this.#words = Math.ceil(trees / 32);
    this.#binOf = new Int8Array(trees).fill(NO_BIN);
    this.#orderOf = new Int8Array(trees).fill(-1);
    this.#members = new Uint32Array(bins * this.#words);
    this.#holders = new Uint32Array((maxOrder + 1) * this.#words);
  }

  /** Moves a tree to a bin; NO_BIN: to none. */
  setBin(tree: number, bin: number): void {
    const before = this.#binOf[tree];
    if (before === bin) return;
    const word = tree >>> 5;
    const bit = 1 << (tree & 31);
    if (before !== NO_BIN) this.#members[before * this.#words + word] &= ~bit;
    if (bin !== NO_BIN) this.#members[bin * this.#words + word] |= bit;
    this.#binOf[tree] = bin;
  }

  /** Sets the order of the largest free chunk of a tree; -1: it has none. */
  setOrder(tree: number, order: number): void {
    const before = this.#orderOf[tree];
    if (before === order) return;
    const word = tree >>> 5;
    const bit = 1 << (tree & 31);
    for (let more = before + 1; more <= order; more++) this.#holders[more * this.#words + word] |= bit;
    for (let less = before; less > order; less--) this.#holders[less * this.#words + word] &= ~bit;
    this.#orderOf[tree] = order;
  }

  /**
   * The wanted tree to which the fewest steps lead from tree `start`, `least` at least: those steps, or -1. Step 0 is `start` itself.
   * Then come the trees before and behind it by turns: start - 1, start + 1, start - 2. The first tree follows the last.
   */
  nextStep(wanted: WantedTree, start: number, least: number): number {
    const trees = this.#trees;
    // Step 2n is n trees behind, step 2n - 1 is n trees before.
    const behind = (least + 1) >>> 1;
    const up = this.#first(wanted, (start + behind) % trees, ((trees - 1) >>> 1) - behind + 1);
    const before = (least >>> 1) + 1;
    // What lies before comes first only up to as many trees away.
    const most = up === -1 ? trees >>> 1 : Math.min(trees >>> 1, behind + up);
    const down = this.#last(wanted, (start - before + trees) % trees, most - before + 1);
    if (down !== -1) return 2 * (before + down) - 1;
    return up === -1 ? -1 : 2 * (behind + up);
  }

  /** How far it is from tree `from` up to the first of `count` trees that is wanted, or -1. */
  #first(wanted: WantedTree, from: number, count: number): number {
    const trees = this.#trees;
    const end = from + count;
    const found = this.#lowest(wanted, from, Math.min(end, trees));
    if (found !== -1) return found - from;
    const around = end > trees ? this.#lowest(wanted, 0, end - trees) : -1;
    return around === -1 ? -1 : around + trees - from;
  }

  /** How far it is from tree `from` down to the first of `count` trees that is wanted, or -1. */
  #last(wanted: WantedTree, from: number, count: number): number {
    const trees = this.#trees;
    const first = from - count + 1;
    const found = this.#highest(wanted, Math.max(first, 0), from + 1);
    if (found !== -1) return from - found;
    const around = first < 0 ? this.#highest(wanted, first + trees, trees) : -1;
    return around === -1 ? -1 : from + trees - around;
  }

  /** Lowest wanted tree of [from, to), or -1. */
  #lowest(wanted: WantedTree, from: number, to: number): number {
    const first = Math.max(from, wanted.first);
    const end = Math.min(to, wanted.end);
    if (first >= end) return -1;
    const members = wanted.bin * this.#words;
    const holders = wanted.order * this.#words;
    let mask = -1 << (first & 31);
    for (let word = first >>> 5; word * 32 < end; word++) {
      const bits = this.#members[members + word] & this.#holders[holders + word] & mask;
      if (bits !== 0) {
        const tree = word * 32 + 31 - Math.clz32(bits & -bits);
        return tree < end ? tree : -1;
      }
      mask = -1;
    }
    return -1;
  }

  /** Highest wanted tree of [from, to), or -1. */
  #highest(wanted: WantedTree, from: number, to: number): number {
    const first = Math.max(from, wanted.first);
    const last = Math.min(to, wanted.end) - 1;
    if (first > last) return -1;
    const members = wanted.bin * this.#words;
    const holders = wanted.order * this.#words;
    let mask = -1 >>> (31 - (last & 31));
    for (let word = last >>> 5; word * 32 + 31 >= first && word >= 0; word--) {
      const bits = this.#members[members + word] & this.#holders[holders + word] & mask;
      if (bits !== 0) {
        const tree = word * 32 + 31 - Math.clz32(bits);
        return tree >= first ? tree : -1;
      }
      mask = -1;
    }
    return -1;
  }
}
