/**
 * What is asked of a message of an Arrow stream before the Arrow library sees it. The library believes every count
 * and length in the flatbuffer that describes a message: one flipped bit, and it decodes until memory is full.
 */
import { InputError } from '../errors.ts';

/** Ahead of each message: the continuation mark 0xFFFFFFFF, and the bytes of metadata as an int32. */
export const ARROW_PREFIX_BYTES = 8;
/** The mark at the end of a stream: a message without metadata. */
export const ARROW_END = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
/** No message of a log comes near it: a batch of 8192 events has about 300 KiB. */
const MAX_MESSAGE_BYTES = 2 ** 28;
/** Entries of any list in the metadata; a record batch of a log has 21 buffers, and no other list is as long. */
const MAX_ENTRIES = 64;

/** MessageHeader of format/Message.fbs. */
const SCHEMA = 1;
const RECORD_BATCH = 3;

/** Bytes of metadata that follow a prefix; 0 at the end of the stream. Throws InputError when it is no prefix. */
export function arrowMetadataBytes(prefix: Uint8Array): number {
  const view = viewOf(prefix);
  if (view.byteLength < ARROW_PREFIX_BYTES || view.getUint32(0, true) !== 0xffffffff) {
    throw damaged('a message begins without its continuation mark');
  }
  return checkedBytes(view.getInt32(4, true));
}

/** What the metadata of a message says. */
export interface ArrowMessage {
  readonly bodyBytes: number;
  /** Of a record batch; 0 of a schema. */
  readonly rows: number;
  /** First key of the custom metadata; undefined for none. */
  readonly key: string | undefined;
  /** What stands under that key. */
  value(): string;
}

/**
 * Checks the metadata of a message, the first of which must be a schema of `columns` plain columns and all others
 * record batches of no more rows than their bodies have bytes. Throws InputError.
 */
export function checkArrowMessage(metadata: Uint8Array, isFirst: boolean, columns: number): ArrowMessage {
  try {
    return check(viewOf(metadata), isFirst, columns);
  } catch (error) {
    if (error instanceof RangeError) throw damaged('its metadata points outside of itself');
    throw error;
  }
}

function check(view: DataView, isFirst: boolean, columns: number): ArrowMessage {
  const message = new Table(view, view.getInt32(0, true));
  const bodyBytes = checkedBytes(message.int64(3));
  expectFew(message.count(4), 'metadata');
  if (message.uint8(1) !== (isFirst ? SCHEMA : RECORD_BATCH)) throw damaged('a message of the wrong type');
  const header = message.table(2);
  if (isFirst) checkSchema(header, columns);
  else checkRecordBatch(header, bodyBytes);
  const entry = message.count(4) > 0 ? [...message.tables(4)][0] : undefined;
  return {
    bodyBytes,
    rows: isFirst ? 0 : header.int64(0),
    key: entry?.text(0),
    value: () => entry?.text(1) ?? '',
  };
}

function checkSchema(schema: Table, columns: number): void {
  expectFew(schema.count(2), 'metadata');
  if (schema.count(1) !== columns) throw damaged(`${schema.count(1)} columns; expected ${columns}`);
  for (const field of schema.tables(1)) {
    if (field.count(5) !== 0) throw damaged('a column with child columns');
    expectFew(field.count(6), 'metadata');
  }
}

function checkRecordBatch(batch: Table, bodyBytes: number): void {
  for (const [list, name] of [
    [1, 'columns'],
    [2, 'buffers'],
    [4, 'variadic buffers'],
  ] as const) {
    expectFew(batch.count(list), name);
  }
  // Every row has a byte at least, so a body bounds its rows; the library counts nulls row by row.
  for (const rows of [batch.int64(0), ...batch.int64Pairs(1)]) {
    if (!(rows >= 0 && rows <= bodyBytes)) throw damaged(`${rows} rows in ${bodyBytes} bytes`);
  }
}

/** A table of a flatbuffer: its fields by number, 0 where left out. Reads beyond the buffer throw RangeError. */
class Table {
  readonly #view: DataView;
  readonly #at: number;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }

  uint8(field: number): number {
    const at = this.#field(field);
    return at === 0 ? 0 : this.#view.getUint8(at);
  }

  int64(field: number): number {
    const at = this.#field(field);
    return at === 0 ? 0 : Number(this.#view.getBigInt64(at, true));
  }

  table(field: number): Table {
    const at = this.#field(field);
    if (at === 0) throw damaged('a message without a header');
    return new Table(this.#view, this.#target(at));
  }

  text(field: number): string {
    const at = this.#field(field);
    if (at === 0) return '';
    const start = this.#target(at);
    const length = this.#view.getInt32(start, true);
    const end = start + 4 + length;
    if (length < 0 || end > this.#view.byteLength) throw damaged('its metadata points outside of itself');
    return new TextDecoder().decode(
      new Uint8Array(this.#view.buffer, this.#view.byteOffset + start + 4, length),
    );
  }

  /** Entries of a vector. */
  count(field: number): number {
    const at = this.#field(field);
    return at === 0 ? 0 : this.#view.getInt32(this.#target(at), true);
  }

  *tables(field: number): Generator<Table> {
    for (let i = 0; i < this.count(field); i++) {
      yield new Table(this.#view, this.#target(this.#target(this.#field(field)) + 4 + 4 * i));
    }
  }

  /** Both numbers of each entry of a vector of FieldNode: rows, and nulls among them. */
  *int64Pairs(field: number): Generator<number> {
    for (let i = 0; i < 2 * this.count(field); i++) {
      yield Number(this.#view.getBigInt64(this.#target(this.#field(field)) + 4 + 8 * i, true));
    }
  }

  /** Where a field lies; 0 when the table's vtable does not have it. */
  #field(field: number): number {
    const vtable = this.#at - this.#view.getInt32(this.#at, true);
    const entry = 4 + 2 * field;
    const offset = entry < this.#view.getInt16(vtable, true) ? this.#view.getInt16(vtable + entry, true) : 0;
    return offset === 0 ? 0 : this.#at + offset;
  }

  /** Where the offset stored at `at` leads. */
  #target(at: number): number {
    return at + this.#view.getInt32(at, true);
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const damaged = (what: string) => new InputError(`damaged or not written by decpool: ${what}`);

function expectFew(count: number, name: string): void {
  if (!(count >= 0 && count <= MAX_ENTRIES)) throw damaged(`a message with ${count} ${name}`);
}

function checkedBytes(bytes: number): number {
  if (!(bytes >= 0 && bytes <= MAX_MESSAGE_BYTES)) throw damaged(`a message of ${bytes} bytes`);
  return bytes;
}
