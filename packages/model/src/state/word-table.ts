/**
 * 32-bit words, in a typed array or a plain one. A bitmap word in a plain array may come out negative; all that reads
 * it are bit operations, which do not tell the difference.
 */
export type Words = Uint32Array | number[];

/**
 * Tables of 32-bit words, cut into leaves of equal length. Both backends of the state are made of them.
 *
 * Access goes through a cursor: `read(leaf)` or `write(leaf)` points `words` and `base` at a leaf, and the
 * caller then indexes `words[base + offset]`. So the reducer is written once, and in its inner loops there is
 * nothing but a typed array and an offset, whichever backend carries the state.
 */
export interface WordReader {
  readonly words: Words;
  readonly base: number;
  /** Points the cursor at a leaf for reading; a leaf never written reads as zeros. */
  read(leaf: number): void;
}

export interface WordTable extends WordReader {
  /** Points the cursor at a leaf that may be written until the next read() or write(). */
  write(leaf: number): void;
}

/**
 * All leaves in one typed array that doubles when it is too short. Fast, and mutable: nobody outside may see it. Behind
 * the last leaf is one of zeros, for whoever reads further.
 */
export class DenseWords implements WordTable {
  words: Uint32Array;
  base = 0;
  readonly leafWords: number;

  constructor(leafWords: number, leaves: number) {
    this.leafWords = leafWords;
    this.words = new Uint32Array(leafWords * (leaves + 1));
  }

  get leaves(): number {
    return this.words.length / this.leafWords - 1;
  }

  read(leaf: number): void {
    this.base = Math.min(leaf * this.leafWords, this.words.length - this.leafWords);
  }

  write(leaf: number): void {
    const base = leaf * this.leafWords;
    if (base >= this.words.length - this.leafWords) this.#grow(base + 2 * this.leafWords);
    this.base = base;
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, this.words.length * 2));
    grown.set(this.words);
    this.words = grown;
  }
}
