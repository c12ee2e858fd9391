/**
 * Sets of blocks by a small key (a run length): a bit per block in each bin, a bit per 32 of those words above them,
 * and a bit per non-empty bin. So the next non-empty bin, or the lowest block of a bin, is found by looking at a few
 * words even where memory has tens of thousands of blocks.
 */
export class BlockBins {
  readonly #keys: number;
  readonly #words: number;
  readonly #summaryWords: number;
  readonly #bits: Uint32Array;
  /** A bit per word of #bits that is not 0. */
  readonly #summary: Uint32Array;
  readonly #sizes: Uint32Array;
  readonly #isUsed: Uint32Array;

  /** Keys from 0 to `keys` - 1. */
  constructor(keys: number, blocks: number) {
    this.#keys = keys;
    this.#words = Math.ceil(blocks / 32);
    this.#summaryWords = Math.ceil(this.#words / 32);
    this.#bits = new Uint32Array(keys * this.#words);
    this.#summary = new Uint32Array(keys * this.#summaryWords);
    this.#sizes = new Uint32Array(keys);
    this.#isUsed = new Uint32Array(Math.ceil(keys / 32));
  }

  has(key: number, block: number): boolean {
    return ((this.#bits[key * this.#words + (block >>> 5)] >>> (block & 31)) & 1) === 1;
  }

  /** The block must not be in the bin. */
  add(key: number, block: number): void {
    const word = block >>> 5;
    this.#bits[key * this.#words + word] |= 1 << (block & 31);
    this.#summary[key * this.#summaryWords + (word >>> 5)] |= 1 << (word & 31);
    if (this.#sizes[key]++ === 0) this.#isUsed[key >>> 5] |= 1 << (key & 31);
  }

  /** The block must be in the bin. */
  remove(key: number, block: number): void {
    const word = block >>> 5;
    const bits = key * this.#words + word;
    this.#bits[bits] &= ~(1 << (block & 31));
    if (this.#bits[bits] === 0) {
      this.#summary[key * this.#summaryWords + (word >>> 5)] &= ~(1 << (word & 31));
    }
    if (--this.#sizes[key] === 0) this.#isUsed[key >>> 5] &= ~(1 << (key & 31));
  }

  /** Lowest key from `from` on whose bin is not empty, or -1. */
  firstBin(from: number): number {
    return nextBit(this.#isUsed, 0, this.#isUsed.length, from);
  }

  /** Highest key up to `to` whose bin is not empty, or -1. */
  lastBin(to = this.#keys - 1): number {
    if (to < 0) return -1;
    let word = to >>> 5;
    let bits = this.#isUsed[word] & (-1 >>> (31 - (to & 31)));
    while (bits === 0) {
      if (--word < 0) return -1;
      bits = this.#isUsed[word];
    }
    return word * 32 + (31 - Math.clz32(bits));
  }

  /** Lowest block of a bin from `from` on, or -1. */
  firstBlock(key: number, from: number): number {
    const word = from >>> 5;
    if (word >= this.#words) return -1;
    const base = key * this.#words;
    const rest = this.#bits[base + word] & (-1 << (from & 31));
    if (rest !== 0) return word * 32 + lowestBit(rest);
    const next = nextBit(this.#summary, key * this.#summaryWords, this.#summaryWords, word + 1);
    return next < 0 ? -1 : next * 32 + lowestBit(this.#bits[base + next]);
  }
}

const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);

/** First set bit from bit `from` on among `length` words at `base`, or -1. */
function nextBit(words: Uint32Array, base: number, length: number, from: number): number {
  let word = from >>> 5;
  if (word >= length) return -1;
  let bits = words[base + word] & (-1 << (from & 31));
  while (bits === 0) {
    if (++word >= length) return -1;
    bits = words[base + word];
  }
  return word * 32 + lowestBit(bits);
}
