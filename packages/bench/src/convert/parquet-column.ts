/**
 * The chunk of a column in a row group of a Parquet file: dictionary where values repeat, differences where they do not. A writer of
 * values one by one is more than ten times slower, as most of the table is absent or one of few names.
 */
import { appendDeltas, appendHybrid, Bytes } from './bytes.ts';
import { gather, mostTexts, type RowGroup, type TableColumn } from './event-table.ts';

/** How a chunk is to be written: a page of the dictionary, if there is one, and a page of the values. */
export interface Chunk {
  readonly dictionary: { readonly values: number; readonly bytes: Uint8Array } | undefined;
  readonly encoding: 'PLAIN' | 'RLE_DICTIONARY' | 'DELTA_BINARY_PACKED';
  /** Which rows have a value; empty where all must. */
  readonly levels: Uint8Array;
  readonly values: Uint8Array;
  readonly nulls: number;
  /** Smallest and largest value, where they are of use. */
  readonly min: number | string | undefined;
  readonly max: number | string | undefined;
}

/** A dictionary of more numbers than this is none. */
const MOST_NUMBERS = 4096;
/** From so many different numbers on, they must come eight times each. */
const FEW_NUMBERS = 64;
const SLOTS = 4 * MOST_NUMBERS;

/** Encodes columns one by one; a chunk is valid until the next. Made for row groups of up to so many rows. */
export class ColumnEncoder {
  readonly #values: Float64Array;
  readonly #isPresent: Uint8Array;
  readonly #indices: Uint32Array;
  readonly #indexOfText: Int32Array;
  readonly #numbers = new Float64Array(MOST_NUMBERS);
  readonly #slots = new Int32Array(SLOTS);
  readonly #levels = new Bytes();
  readonly #dictionary = new Bytes();
  readonly #page = new Bytes();

  constructor(rows: number) {
    this.#values = new Float64Array(rows);
    this.#isPresent = new Uint8Array(rows);
    this.#indices = new Uint32Array(rows);
    this.#indexOfText = new Int32Array(mostTexts(rows));
  }

  encode(column: TableColumn, group: RowGroup): Chunk {
    this.#levels.clear();
    this.#dictionary.clear();
    this.#page.clear();
    const found = gather(column, group, this.#values, this.#isPresent);
    if (!column.isRequired) appendHybrid(this.#levels, this.#isPresent, group.length, 1);
    const nulls = group.length - found;
    if (found === 0) return this.#chunk('PLAIN', nulls);
    if (column.kind === 'flag') {
      this.#page.packed(this.#values.subarray(0, found), 0, found, 1);
      return this.#chunk('PLAIN', nulls);
    }
    return column.textOf === undefined
      ? this.#encodeNumbers(found, column.kind === 'bigint', nulls)
      : this.#encodeTexts(found, (value) => column.textOf?.(value, group) ?? '', nulls);
  }

  #encodeNumbers(found: number, isWide: boolean, nulls: number): Chunk {
    let min = this.#values[0];
    let max = min;
    for (let at = 1; at < found; at++) {
      const value = this.#values[at];
      if (value < min) min = value;
      else if (value > max) max = value;
    }
    const different = this.#indexNumbers(found);
    if (different === undefined) {
      appendDeltas(this.#page, this.#values, found);
      return this.#chunk('DELTA_BINARY_PACKED', nulls, min, max);
    }
    for (let index = 0; index < different; index++) {
      if (isWide) this.#dictionary.u64(this.#numbers[index]);
      else this.#dictionary.u32(this.#numbers[index]);
    }
    return this.#chunkOfIndices(found, different, nulls, min, max);
  }

  /** Numbers the values in the order in which they come. Returns how many there are, or undefined if too many. */
  #indexNumbers(found: number): number | undefined {
    const [values, indices, numbers, slots] = [this.#values, this.#indices, this.#numbers, this.#slots];
    slots.fill(-1);
    let different = 0;
    for (let at = 0; at < found; at++) {
      const value = values[at];
      // Fibonacci hashing, of the low 32 bits.
      let slot = Math.imul(value, 0x9e3779b1) >>> 18;
      while (slots[slot] !== -1 && numbers[slots[slot]] !== value) slot = (slot + 1) % SLOTS;
      if (slots[slot] === -1) {
        if (different === MOST_NUMBERS || (different > FEW_NUMBERS && different * 8 > at)) return undefined;
        numbers[different] = value;
        slots[slot] = different++;
      }
      indices[at] = slots[slot];
    }
    return different;
  }

  #encodeTexts(found: number, textOf: (value: number) => string, nulls: number): Chunk {
    const indexOf = this.#indexOfText.fill(-1);
    const texts = new Map<string, number>();
    for (let at = 0; at < found; at++) {
      const value = this.#values[at];
      if (indexOf[value] === -1) {
        // Two numbers may stand for the same text.
        const text = textOf(value);
        const index = texts.get(text) ?? texts.size;
        texts.set(text, index);
        indexOf[value] = index;
      }
      this.#indices[at] = indexOf[value];
    }
    for (const text of texts.keys()) {
      const bytes = Buffer.from(text);
      this.#dictionary.u32(bytes.length);
      this.#dictionary.bytes(bytes);
    }
    const [min, max] = boundsOf([...texts.keys()]);
    return this.#chunkOfIndices(found, texts.size, nulls, min, max);
  }

  #chunkOfIndices(
    found: number,
    different: number,
    nulls: number,
    min: number | string | undefined,
    max: number | string | undefined,
  ): Chunk {
    const width = Math.max(1, 32 - Math.clz32(different - 1));
    this.#page.byte(width);
    appendHybrid(this.#page, this.#indices, found, width);
    return this.#chunk('RLE_DICTIONARY', nulls, min, max, different);
  }

  #chunk(
    encoding: Chunk['encoding'],
    nulls: number,
    min?: number | string,
    max?: number | string,
    different?: number,
  ): Chunk {
    return {
      dictionary:
        different === undefined ? undefined : { values: different, bytes: this.#dictionary.written },
      encoding,
      levels: this.#levels.written,
      values: this.#page.written,
      nulls,
      min,
      max,
    };
  }
}

/** First and last of texts that every reader has in the same order: ASCII. */
function boundsOf(texts: readonly string[]): readonly [string?, string?] {
  if (!texts.every((text) => /^[\x20-\x7e]+$/.test(text))) return [];
  const inOrder = [...texts].sort();
  return [inOrder[0], inOrder[inOrder.length - 1]];
}
