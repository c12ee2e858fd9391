/** Bytes that grow by appending, and the encodings of numbers that Parquet has. Numbers are whole, and exact up to 2^53. */

const TWO_32 = 2 ** 32;

export class Bytes {
  #data: Uint8Array;
  #length = 0;

  constructor(capacity = 2 ** 16) {
    this.#data = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What was appended: valid until more is. */
  get written(): Uint8Array {
    return this.#data.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    if (this.#length === this.#data.length) this.#grow(1);
    this.#data[this.#length++] = value;
  }

  bytes(values: Uint8Array): void {
    this.#grow(values.length);
    this.#data.set(values, this.#length);
    this.#length += values.length;
  }

  u32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >>> shift) & 0xff);
  }

  /** Not negative. */
  u64(value: number): void {
    this.u32(value % TWO_32);
    this.u32(Math.floor(value / TWO_32));
  }

  varint(value: number): void {
    while (value >= 128) {
      this.byte((value % 128) | 128);
      value = Math.floor(value / 128);
    }
    this.byte(value);
  }

  zigzag(value: number): void {
    this.varint(value >= 0 ? 2 * value : -2 * value - 1);
  }

  /** `count` values of `width` bits each, the lowest bit first; the last byte is filled up with zeros. */
  packed(values: ArrayLike<number>, from: number, count: number, width: number): void {
    this.#grow(Math.ceil((count * width) / 8) + 8);
    const data = this.#data;
    let length = this.#length;
    let held = 0;
    let bits = 0;
    for (let at = from; at < from + count; at++) {
      let value = at < values.length ? values[at] : 0;
      let left = width;
      // Besides what is held, up to 7 bits, so many fit into the 31 bits of a small integer.
      while (left > 24) {
        held |= (value % 2 ** 24) << bits;
        for (bits += 24; bits >= 8; bits -= 8) {
          data[length++] = held & 0xff;
          held >>>= 8;
        }
        value = Math.floor(value / 2 ** 24);
        left -= 24;
      }
      held |= value << bits;
      for (bits += left; bits >= 8; bits -= 8) {
        data[length++] = held & 0xff;
        held >>>= 8;
      }
    }
    if (bits > 0) data[length++] = held & 0xff;
    this.#length = length;
  }

  #grow(by: number): void {
    if (this.#length + by <= this.#data.length) return;
    const grown = new Uint8Array(Math.max(this.#data.length * 2, this.#length + by));
    grown.set(this.#data.subarray(0, this.#length));
    this.#data = grown;
  }
}

/** Shorter runs are packed: a run of its own takes up to four bytes, and ends the packed values before it. */
const LEAST_RUN = 16;

/** Parquet's hybrid of runs and packed bits: the first `count` values, of `width` bits each. */
export function appendHybrid(
  out: Bytes,
  values: Uint8Array | Uint32Array,
  count: number,
  width: number,
): void {
  let packedFrom = 0;
  const appendPacked = (to: number) => {
    if (to === packedFrom) return;
    const groups = Math.ceil((to - packedFrom) / 8);
    out.varint(groups * 2 + 1);
    out.packed(values.subarray(0, count), packedFrom, groups * 8, width);
  };
  let at = 0;
  while (at < count) {
    const value = values[at];
    let end = at + 1;
    while (end < count && values[end] === value) end++;
    if (end - at < LEAST_RUN) {
      // Packed values come in eights.
      at = Math.min(count, at + 8);
      continue;
    }
    appendPacked(at);
    out.varint((end - at) * 2);
    for (let shift = 0; shift < width; shift += 8) out.byte((value >>> shift) & 0xff);
    at = packedFrom = end;
  }
  appendPacked(count);
}

const BLOCK = 128;
const MINIBLOCK = 32;

const bitsOf = (value: number): number =>
  value < TWO_32 ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / TWO_32));

/** Parquet's DELTA_BINARY_PACKED. Differences may be anything from -2^52 to 2^53. */
export function appendDeltas(out: Bytes, values: Float64Array, count: number): void {
  const deltas = new Float64Array(BLOCK);
  out.varint(BLOCK);
  out.varint(BLOCK / MINIBLOCK);
  out.varint(count);
  out.zigzag(count === 0 ? 0 : values[0]);
  for (let at = 1; at < count; at += BLOCK) {
    const length = Math.min(BLOCK, count - at);
    let least = values[at] - values[at - 1];
    for (let index = 0; index < length; index++) {
      const delta = values[at + index] - values[at + index - 1];
      deltas[index] = delta;
      if (delta < least) least = delta;
    }
    out.zigzag(least);
    appendBlock(out, deltas, length, least);
  }
}

function appendBlock(out: Bytes, deltas: Float64Array, length: number, least: number): void {
  const widths = [0, 0, 0, 0];
  for (let index = 0; index < BLOCK; index++) {
    const above = index < length ? deltas[index] - least : 0;
    deltas[index] = above;
    const width = bitsOf(above);
    const mini = index >>> 5;
    if (width > widths[mini]) widths[mini] = width;
  }
  for (const width of widths) out.byte(width);
  for (let mini = 0; mini < widths.length; mini++) {
    if (widths[mini] > 0) out.packed(deltas, mini * MINIBLOCK, MINIBLOCK, widths[mini]);
  }
}
