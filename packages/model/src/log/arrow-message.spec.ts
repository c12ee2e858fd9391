import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { ARROW_END, ARROW_PREFIX_BYTES, arrowMetadataBytes, checkArrowMessage } from './arrow-message.ts';

/*
 * Metadata of messages made field by field, as a flatbuffer lays them out: a table begins with the distance back to its vtable, which
 * says where its fields are; what is longer than a number stands elsewhere, and its field holds the distance to it.
 */

type Fields = Readonly<Record<number, Field>>;
type Field =
  | { readonly uint8: number }
  | { readonly int64: number }
  | { readonly table: Fields }
  | { readonly tables: readonly Fields[]; readonly count?: number }
  | { readonly text: string; readonly length?: number }
  /** A vector that says how long it is, and its numbers. */
  | { readonly count: number; readonly numbers?: readonly number[] };

class Flatbuffer {
  readonly #bytes: number[] = [];

  static of(root: Fields): Uint8Array {
    const buffer = new Flatbuffer();
    buffer.#number(4, 0);
    buffer.#point(0, buffer.#table(root));
    return Uint8Array.from(buffer.#bytes);
  }

  /** Little-endian; gives where it is. */
  #number(size: 1 | 2 | 4 | 8, value: number): number {
    const at = this.#bytes.length;
    for (let byte = 0; byte < size; byte++)
      this.#bytes.push(Number((BigInt(value) >> BigInt(8 * byte)) & 0xffn));
    return at;
  }

  #set(size: 2 | 4, at: number, value: number): void {
    for (let byte = 0; byte < size; byte++) this.#bytes[at + byte] = (value >> (8 * byte)) & 0xff;
  }

  #point(from: number, to: number): void {
    this.#set(4, from, to - from);
  }

  #table(fields: Fields): number {
    const count = Math.max(-1, ...Object.keys(fields).map(Number)) + 1;
    const vtable = this.#number(2, 4 + 2 * count);
    this.#number(2, 0);
    for (let field = 0; field < count; field++) this.#number(2, 0);
    const at = this.#number(4, 0);
    this.#set(4, at, at - vtable);
    const later: (() => void)[] = [];
    for (const [number, field] of Object.entries(fields)) {
      this.#set(2, vtable + 4 + 2 * Number(number), this.#bytes.length - at);
      if ('uint8' in field) this.#number(1, field.uint8);
      else if ('int64' in field) this.#number(8, field.int64);
      else {
        const from = this.#number(4, 0);
        later.push(() => this.#point(from, this.#long(field)));
      }
    }
    for (const put of later) put();
    return at;
  }

  #long(field: Exclude<Field, { uint8: number } | { int64: number }>): number {
    if ('table' in field) return this.#table(field.table);
    if ('text' in field) {
      const bytes = new TextEncoder().encode(field.text);
      const at = this.#number(4, field.length ?? bytes.length);
      this.#bytes.push(...bytes);
      return at;
    }
    if ('tables' in field) {
      const at = this.#number(4, field.count ?? field.tables.length);
      const slots = field.tables.map(() => this.#number(4, 0));
      for (const [index, each] of field.tables.entries()) this.#point(slots[index], this.#table(each));
      return at;
    }
    const at = this.#number(4, field.count);
    for (const each of field.numbers ?? []) this.#number(8, each);
    return at;
  }
}

const pair = (key: string, value: string): Fields => ({ 0: { text: key }, 1: { text: value } });
const vector = (count: number) => ({ count });

/** A schema of two columns. */
const schema = (header: Fields = {}, message: Fields = {}) =>
  Flatbuffer.of({ 1: { uint8: 1 }, 2: { table: { 1: { tables: [{}, {}] }, ...header } }, ...message });
/** A batch of 7 rows in a body of 100 bytes. */
const batch = (header: Fields = {}, message: Fields = {}) =>
  Flatbuffer.of({
    1: { uint8: 3 },
    2: { table: { 0: { int64: 7 }, 1: { count: 2, numbers: [7, 0, 7, 7] }, 2: vector(4), ...header } },
    3: { int64: 100 },
    ...message,
  });
const first = (metadata: Uint8Array) => () => checkArrowMessage(metadata, true, 2);
const other = (metadata: Uint8Array) => () => checkArrowMessage(metadata, false, 2);

const refused = (check: () => unknown, why: string) => {
  expect(check).toThrow(InputError);
  expect(check).toThrow(`damaged or not written by decpool: ${why}`);
};

/** As many as are looked at: a list may say that it is longer. */
const entriesFor = <Entry>(count: number, entry: Entry): Entry[] =>
  new Array<Entry>(Math.min(128, Math.max(0, count))).fill(entry);

describe('a message', () => {
  it('has the bytes of its body, its rows, and the first entry of its metadata', () => {
    const entries = { 4: { tables: [pair('checkpoint', '{"events":7}'), pair('seal', '{}')] } };
    const { value, ...rest } = other(batch({}, entries))();
    expect(rest).toEqual({ bodyBytes: 100, rows: 7, key: 'checkpoint' });
    expect(value()).toBe('{"events":7}');
    const header = first(schema({}, { 4: { tables: [pair('decpool', 'ü')] } }))();
    expect([header.bodyBytes, header.rows, header.key, header.value()]).toEqual([0, 0, 'decpool', 'ü']);
    // What stands where a batch has its rows is the byte order.
    expect(first(schema({ 0: { int64: 1 } }))().rows).toBe(0);
  });

  it('may be without metadata, or with an entry of nothing', () => {
    const { key, value } = other(batch())();
    expect([key, value()]).toEqual([undefined, '']);
    const empty = other(batch({}, { 4: { tables: [{}] } }))();
    expect([empty.key, empty.value()]).toEqual(['', '']);
  });

  it('may lie anywhere in a buffer', () => {
    const metadata = batch({}, { 4: { tables: [pair('seal', 'x')] } });
    const within = new Uint8Array(metadata.length + 16);
    within.set(metadata, 11);
    const { key, value, rows } = other(within.subarray(11, 11 + metadata.length))();
    expect([key, value(), rows]).toEqual(['seal', 'x', 7]);
  });

  it('is a schema if it is the first, and a record batch if not', () => {
    refused(first(batch()), 'a message of the wrong type');
    refused(other(schema()), 'a message of the wrong type');
    refused(other(Flatbuffer.of({ 1: { uint8: 3 } })), 'a message without a header');
    refused(other(Flatbuffer.of({})), 'a message of the wrong type');
  });

  it('has a body of up to 256 MiB', () => {
    const withBody = (bytes: number) => other(batch({}, { 3: { int64: bytes } }));
    expect(withBody(2 ** 28)().bodyBytes).toBe(2 ** 28);
    refused(withBody(2 ** 28 + 1), `a message of ${2 ** 28 + 1} bytes`);
    refused(withBody(-1), 'a message of -1 bytes');
  });

  it.each<[string, (count: number) => () => unknown]>([
    ['metadata', (count) => first(schema({ 2: vector(count) }))],
    ['metadata', (count) => first(schema({ 1: { tables: [{}, { 6: vector(count) }] } }))],
    ['metadata', (count) => other(batch({}, { 4: { tables: entriesFor(count, {}), count } }))],
    ['buffers', (count) => other(batch({ 2: vector(count) }))],
    ['variadic buffers', (count) => other(batch({ 4: vector(count) }))],
    ['columns', (count) => other(batch({ 1: { count, numbers: entriesFor(2 * count, 0) } }))],
  ])('has at most 64 entries in each list: %s', (name, check) => {
    for (const count of [0, 1, 64]) expect(check(count)).not.toThrow();
    for (const count of [65, 2 ** 31 - 1, -1]) refused(check(count), `a message with ${count} ${name}`);
  });
});

describe('a schema', () => {
  it('has as many columns as are expected', () => {
    for (const columns of [0, 1, 3]) {
      const tables = Array<Fields>(columns).fill({});
      refused(first(schema({ 1: { tables } })), `${columns} columns; expected 2`);
    }
  });

  it('has no column with child columns', () => {
    expect(first(schema({ 1: { tables: [{ 5: vector(0) }, {}] } }))).not.toThrow();
    for (const count of [1, -1])
      refused(first(schema({ 1: { tables: [{}, { 5: vector(count) }] } })), 'a column with child columns');
  });
});

describe('a record batch', () => {
  it('has no more rows than its body has bytes, nor has one of its columns, nor nulls among them', () => {
    const rows = (count: number) => other(batch({ 0: { int64: count } }));
    expect([rows(0)().rows, rows(100)().rows]).toEqual([0, 100]);
    refused(rows(101), '101 rows in 100 bytes');
    refused(rows(-1), '-1 rows in 100 bytes');
    refused(rows(2 ** 40), `${2 ** 40} rows in 100 bytes`);
    const columns = (...numbers: number[]) => other(batch({ 1: { count: 2, numbers } }));
    expect(columns(100, 100, 100, 100)).not.toThrow();
    for (let at = 0; at < 4; at++) {
      const numbers = [7, 7, 7, 7];
      numbers[at] = 101;
      refused(columns(...numbers), '101 rows in 100 bytes');
    }
  });
});

describe('damaged metadata', () => {
  it('that was cut off anywhere, or points elsewhere, is refused', () => {
    for (const [check, whole] of [
      [first, schema({}, { 4: { tables: [pair('decpool', '')] } })],
      [other, batch({}, { 4: { tables: [pair('seal', '')] } })],
    ] as const) {
      for (let length = 0; length < whole.length; length++) {
        let message: ReturnType<ReturnType<typeof check>> | undefined;
        try {
          message = check(whole.slice(0, length))();
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
        // Only its value, which is read last, can be missing.
        if (message !== undefined) expect(() => message.value()).toThrow();
      }
    }
  });

  it('with a text that is longer than the rest, or less than nothing, is refused', () => {
    const withLength = (length: number) =>
      other(batch({}, { 4: { tables: [{ 0: { text: 'abc', length } }] } }));
    expect(withLength(3)().key).toBe('abc');
    expect(withLength(0)().key).toBe('');
    for (const length of [4, 2 ** 31 - 1, -1])
      refused(withLength(length), 'its metadata points outside of itself');
  });
});

describe('the prefix of a message', () => {
  const prefix = (mark: number, bytes: number, length = ARROW_PREFIX_BYTES) => {
    const all = new Uint8Array(ARROW_PREFIX_BYTES + 4);
    const view = new DataView(all.buffer, 3);
    view.setUint32(0, mark, true);
    view.setInt32(4, bytes, true);
    return () => arrowMetadataBytes(all.subarray(3, 3 + length));
  };

  it('at the end of a stream is a mark, and no metadata', () => {
    expect([...ARROW_END]).toEqual([255, 255, 255, 255, 0, 0, 0, 0]);
    expect([ARROW_END.length, arrowMetadataBytes(ARROW_END)]).toEqual([ARROW_PREFIX_BYTES, 0]);
  });

  it('is a mark, and the bytes of metadata behind it: up to 256 MiB', () => {
    for (const bytes of [0, 1, 4096, 2 ** 28]) expect(prefix(0xffffffff, bytes)()).toBe(bytes);
    refused(prefix(0xffffffff, -1), 'a message of -1 bytes');
    refused(prefix(0xffffffff, 2 ** 28 + 1), `a message of ${2 ** 28 + 1} bytes`);
    refused(prefix(0xfffffffe, 1), 'a message begins without its continuation mark');
    refused(prefix(0xffffffff, 1, 7), 'a message begins without its continuation mark');
  });
});
