/** 32-bit words, in a typed array or a plain one. A bitmap word of a plain array may be negative: only bit operations read it. */
export type Words = Uint32Array | number[];

/**
 * A table of 32-bit words in leaves of equal length. `read(leaf)` or `write(leaf)` points the cursor `words` and `base` at a
 * leaf, and the caller indexes `words[base + offset]`. So the reducer is written once for both backends, and its inner loops
 * have nothing but an array and an offset.
 */
export interface WordReader {
  readonly words: Words;
  readonly base: number;
  /** Points the cursor at a leaf for reading; a leaf never written reads as zeros. */
  read(leaf: number): void;
  /** The lowest leaf from this one on that may not be zeros; infinity if there is none. */
  nextInUse(leaf: number): number;
}

export interface WordTable extends WordReader {
  /** Points the cursor at a leaf that may be written until the next read() or write(). */
  write(leaf: number): void;
  /** The leaf is of no use any more: what it reads as from now on, its words or zeros, makes no difference. Said once for a leaf. */
  release(leaf: number): void;
}

const CHUNK_WORDS = 2 ** 14;

/**
 * Leaves in typed arrays, changed in place: fast, and never shown outside. An array holds a chunk of consecutive leaves and is
 * made with the first write, so a table grows without copying. Once all leaves of a chunk are released, its array is the next
 * chunk that is made. So a table is as large as what it holds, not as all that it ever held.
 */
export class DenseWords implements WordTable {
  words: Uint32Array;
  base = 0;
  readonly leafWords: number;
  /** log2 of the leaves in a chunk. */
  readonly #chunkShift: number;
  readonly #chunks: (Uint32Array | undefined)[] = [];
  /** Leaves of each chunk that are released. */
  readonly #released: number[] = [];
  /** Chunks of which all are. */
  readonly #spare: number[] = [];
  readonly #zeros: Uint32Array;

  constructor(leafWords: number) {
    this.leafWords = leafWords;
    this.#chunkShift = Math.max(0, 31 - Math.clz32(CHUNK_WORDS / leafWords));
    this.#zeros = new Uint32Array(leafWords);
    this.words = this.#zeros;
  }

  /** Leaves there is room for. */
  get leaves(): number {
    return this.#chunks.length << this.#chunkShift;
  }

  /** Chunks that have an array. */
  get arrays(): number {
    return this.#chunks.filter((chunk) => chunk !== undefined).length;
  }

  read(leaf: number): void {
    const chunk = this.#chunks[leaf >>> this.#chunkShift];
    if (chunk === undefined) {
      this.words = this.#zeros;
      this.base = 0;
    } else {
      this.words = chunk;
      this.base = this.#baseOf(leaf);
    }
  }

  nextInUse(leaf: number): number {
    const first = leaf >>> this.#chunkShift;
    let index = first;
    while (index < this.#chunks.length && this.#chunks[index] === undefined) index++;
    if (index === first && index < this.#chunks.length) return leaf;
    return index < this.#chunks.length ? index << this.#chunkShift : Number.POSITIVE_INFINITY;
  }

  write(leaf: number): void {
    const index = leaf >>> this.#chunkShift;
    this.words = this.#chunks[index] ?? this.#makeChunk(index);
    this.base = this.#baseOf(leaf);
  }

  release(leaf: number): void {
    const index = leaf >>> this.#chunkShift;
    if (++this.#released[index] === 1 << this.#chunkShift) this.#spare.push(index);
  }

  #baseOf(leaf: number): number {
    return (leaf & ((1 << this.#chunkShift) - 1)) * this.leafWords;
  }

  #makeChunk(index: number): Uint32Array {
    // An array with holes would be slower to read.
    while (this.#chunks.length <= index) {
      this.#chunks.push(undefined);
      this.#released.push(0);
    }
    const chunk = this.#takeSpare() ?? new Uint32Array(this.leafWords << this.#chunkShift);
    this.#chunks[index] = chunk;
    return chunk;
  }

  #takeSpare(): Uint32Array | undefined {
    const index = this.#spare.pop();
    if (index === undefined) return undefined;
    const chunk = this.#chunks[index];
    this.#chunks[index] = undefined;
    return chunk?.fill(0);
  }
}
