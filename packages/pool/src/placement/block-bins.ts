/**
 * Sets of blocks by a small key (a run length): a bit per block in each bin, and a bit per non-empty bin. Finding
 * the next non-empty bin, or the lowest block of a bin, looks at a word per 32 of them.
 */
export class BlockBins {
  readonly #wordsPerBin: number;
  readonly #bits: Uint32Array;
  readonly #sizes: Uint32Array;
  readonly #isUsed: Uint32Array;
  readonly #keys: number;

  /** Keys from 0 to `keys` - 1. */
  constructor(keys: number, blocks: number) {
    this.#keys = keys;
    this.#wordsPerBin = Math.ceil(blocks / 32);
    this.#bits = new Uint32Array(keys * this.#wordsPerBin);
    this.#sizes = new Uint32Array(keys);
    this.#isUsed = new Uint32Array(Math.ceil(keys / 32));
  }

  add(key: number, block: number): void {
    this.#bits[key * this.#wordsPerBin + (block >>> 5)] |= 1 << (block & 31);
    if (this.#sizes[key]++ === 0) this.#isUsed[key >>> 5] |= 1 << (key & 31);
  }

  remove(key: number, block: number): void {
    this.#bits[key * this.#wordsPerBin + (block >>> 5)] &= ~(1 << (block & 31));
    if (--this.#sizes[key] === 0) this.#isUsed[key >>> 5] &= ~(1 << (key & 31));
  }

  /** Lowest key from `from` on whose bin is not empty, or -1. */
  firstBin(from: number): number {
    const found = nextBit(this.#isUsed, 0, this.#isUsed.length, from);
    return found < this.#keys ? found : -1;
  }

  /** Lowest block of a bin from `from` on, or -1. */
  firstBlock(key: number, from: number): number {
    return nextBit(this.#bits, key * this.#wordsPerBin, this.#wordsPerBin, from);
  }
}

/** First set bit from bit `from` on among `length` words at `base`, or -1. */
function nextBit(words: Uint32Array, base: number, length: number, from: number): number {
  let word = from >>> 5;
  if (word >= length) return -1;
  let bits = words[base + word] & (-1 << (from & 31));
  while (bits === 0) {
    if (++word >= length) return -1;
    bits = words[base + word];
  }
  return word * 32 + (31 - Math.clz32(bits & -bits));
}
