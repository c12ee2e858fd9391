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

/** Words of a chunk; leaves that are not a power of two long leave some of it out. */
const CHUNK_WORDS = 2 ** 14;

/**
 * Leaves in typed arrays, changed in place. Fast, and mutable: nobody outside may see it. An array holds a chunk of
 * consecutive leaves and is made when one of them is first written, so a table grows without copying what it has, and
 * the memory of one that is dropped is small enough for the allocator to give out again without new page faults.
 */
export class DenseWords implements WordTable {
  words: Uint32Array;
  base = 0;
  readonly leafWords: number;
  /** log2 of the leaves in a chunk. */
  readonly #chunkShift: number;
  readonly #chunks: (Uint32Array | undefined)[] = [];
  /** What leaves of a chunk not made yet read as. */
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

  write(leaf: number): void {
    const index = leaf >>> this.#chunkShift;
    this.words = this.#chunks[index] ?? this.#makeChunk(index);
    this.base = this.#baseOf(leaf);
  }

  /** Makes room for so many leaves. */
  reserve(leaves: number): void {
    for (let leaf = 0; leaf < leaves; leaf += 1 << this.#chunkShift) this.write(leaf);
  }

  #baseOf(leaf: number): number {
    return (leaf & ((1 << this.#chunkShift) - 1)) * this.leafWords;
  }

  #makeChunk(index: number): Uint32Array {
    // An array with holes would be slower to read.
    while (this.#chunks.length <= index) this.#chunks.push(undefined);
    const chunk = new Uint32Array(this.leafWords << this.#chunkShift);
    this.#chunks[index] = chunk;
    return chunk;
  }
}
