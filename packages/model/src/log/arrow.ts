/**
 * Arrow IPC: the working format. A log is one Arrow stream: the header as JSON in the schema's metadata under
 * `decpool`, a record batch per segment with a column per EventColumns field and the checkpoint in its metadata, and empty
 * batches whose metadata hold a keyframe or the seal.
 */
import { concatBytes } from '@noble/hashes/utils.js';
import {
  Field,
  Float64,
  makeData,
  RecordBatch,
  RecordBatchReader,
  type RecordBatchStreamReader,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Table,
  Uint8,
  Uint16,
  Uint32,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { InputError } from '../errors.ts';
import { EventBatch } from '../events/batch.ts';
import { type ColumnName, type EventColumns, eventColumns } from '../events/columns.ts';
import { hasKnownAttributes, KNOWN_CODES } from '../events/objects.ts';
import { EVENT_TYPES, fieldsOf } from '../events/schema.ts';
import { type ArrowMessage, checkArrowMessage } from './arrow-message.ts';
import { type LogHeader, parseHeader, type ReadHeader } from './header.ts';
import type { LogOrder, LogRecord } from './record.ts';
import { type Checkpoint, MAX_SEGMENT_EVENTS, type MarkName, type Marks, parseMark } from './seal.ts';

export { ARROW_PREFIX_BYTES, type ArrowMessage, arrowMetadataBytes } from './arrow-message.ts';

const HEADER_KEY = 'decpool';

const FIELDS = [
  new Field('type', new Uint8()),
  new Field('code', new Uint8()),
  new Field('owner', new Uint16()),
  new Field('request', new Uint32()),
  new Field('allocation', new Uint32()),
  new Field('pfn', new Uint32()),
  new Field('pages', new Uint32()),
  new Field('bytes', new Uint32()),
  new Field('time', new Float64()),
  new Field('name', new Utf8(), true),
];

type NumberColumns = readonly (Field & { readonly name: ColumnName })[];
const NUMBER_FIELDS = FIELDS.slice(0, -1) as unknown as NumberColumns;

/** The first message of a log: the schema, with the header in its metadata. */
export function encodeArrowHeader(header: LogHeader): Uint8Array {
  const schema = new Schema(FIELDS, new Map([[HEADER_KEY, JSON.stringify(header)]]));
  return withoutEnd(messagesOf(schema));
}

/** A segment as a message; the numbers are copied as they are. */
export function encodeArrowSegment(batch: EventBatch, checkpoint: Checkpoint): Uint8Array {
  const numbers = NUMBER_FIELDS.map((field) =>
    makeData({ type: field.type, length: batch.length, data: batch.column(field.name) }),
  );
  const names: (string | null)[] = new Array(batch.length).fill(null);
  for (const [row, name] of batch.names()) names[row] = name;
  const columns = [...numbers, vectorFromArray(names, new Utf8()).data[0]];
  return messageOf(recordBatch(batch.length, columns, metadataOf('checkpoint', checkpoint)));
}

/** What stands between segments, as a message with an empty record batch. */
export function encodeArrowMark<Name extends 'keyframe' | 'seal'>(name: Name, mark: Marks[Name]): Uint8Array {
  const empty = FIELDS.map((field) => makeData({ type: field.type, length: 0 }));
  return messageOf(recordBatch(0, empty, metadataOf(name, mark)));
}

const metadataOf = (name: MarkName, mark: object) => new Map([[name, JSON.stringify(mark)]]);

/** The mark at the end of a stream: a message without metadata. */
export const ARROW_END = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

const PLAIN_SCHEMA = new Schema(FIELDS);

const messagesOf = (schema: Schema, ...batches: RecordBatch[]): Uint8Array =>
  new RecordBatchStreamWriter().writeAll(new Table(schema, batches)).toUint8Array(true);

const withoutEnd = (stream: Uint8Array): Uint8Array => stream.subarray(0, stream.length - ARROW_END.length);

/** The schema's message, which each stream of the library begins with; messageOf() leaves it out. */
const PLAIN_START = withoutEnd(messagesOf(PLAIN_SCHEMA));

const messageOf = (batch: RecordBatch): Uint8Array =>
  withoutEnd(new RecordBatchStreamWriter().writeAll([batch]).toUint8Array(true)).subarray(PLAIN_START.length);

function recordBatch(
  length: number,
  children: ReturnType<typeof makeData>[],
  metadata: Map<string, string>,
): RecordBatch {
  const data = makeData({ type: new Struct(FIELDS), length, nullCount: 0, children });
  return new RecordBatch(PLAIN_SCHEMA, data, metadata);
}

/**
 * Checks the metadata of a message, a log's first or another, and says what it is. Throws InputError for what no log has and
 * what the Arrow library would not survive.
 */
export function checkMessage(metadata: Uint8Array, isFirst: boolean): ArrowMessage {
  return checkArrowMessage(metadata, isFirst, FIELDS.length);
}

/** Reads the header out of a log's first message. Throws InputError when it is not a decpool log. */
export function decodeArrowHeader(message: Uint8Array): ReadHeader {
  const { schema } = readerOf(message, ARROW_END);
  const text = schema.metadata.get(HEADER_KEY);
  if (text === undefined)
    throw new InputError('an Arrow stream without a decpool header; expected an event log');
  for (const field of FIELDS) {
    const found = schema.fields.find((candidate) => candidate.name === field.name);
    if (found === undefined || String(found.type) !== String(field.type)) {
      throw new InputError(
        `column '${field.name}' is missing or not of type ${field.type}; expected an event log`,
      );
    }
  }
  return parseHeader(parseMetadata(text));
}

function readerOf(...parts: Uint8Array[]): RecordBatchStreamReader {
  // The whole stream is there, so the library reads it at once.
  const reader = RecordBatchReader.from(concatBytes(...parts)) as RecordBatchStreamReader;
  return reader.open();
}

/** What another message of a log holds, which may be given in parts: a segment, or what stands between them. */
export function decodeArrowMessage(message: Uint8Array | readonly Uint8Array[], order: LogOrder): LogRecord {
  const parts = message instanceof Uint8Array ? [message] : message;
  const { value: batch } = readerOf(PLAIN_START, ...parts, ARROW_END).next();
  if (batch === undefined || batch === null)
    throw new InputError('an Arrow message without a record batch; the log is damaged');
  return recordOf(batch, order);
}

/** What the metadata of a message says under its key. Throws InputError as parseMark() does. */
export const parseArrowMark = <Name extends MarkName>(
  name: Name,
  text: string,
  events: number,
): Marks[Name] => parseMark(name, parseMetadata(text), events);

function recordOf(batch: RecordBatch, order: LogOrder): LogRecord {
  for (const name of MARKS) {
    const text = batch.metadata.get(name);
    if (text === undefined) continue;
    if (batch.numRows > 0) throw new InputError(`a ${name} with ${batch.numRows} events; expected none`);
    return order.mark(name, parseMetadata(text));
  }
  order.expectOpen();
  const events = eventsOf(batch, order.events);
  const text = batch.metadata.get('checkpoint');
  if (text === undefined) return order.segment(events, undefined);
  return order.segment(events, parseMark('checkpoint', parseMetadata(text), order.events + events.length));
}

const MARKS = ['keyframe', 'seal', 'trailer'] as const;

function eventsOf(batch: RecordBatch, firstSeq: number): EventBatch {
  if (batch.numRows > MAX_SEGMENT_EVENTS) {
    throw new InputError(`a segment of ${batch.numRows} events; expected at most ${MAX_SEGMENT_EVENTS}`);
  }
  // The columns as they lie in the message, of which this batch is the only reader: nothing is copied.
  const column = <Name extends ColumnName>(name: Name) => {
    const values = batch.getChild(name)?.data[0].values;
    if (values === undefined || values.length < batch.numRows) {
      throw new InputError(`event ${firstSeq}: column '${name}' ends before its segment; the log is damaged`);
    }
    return values.subarray(0, batch.numRows) as EventColumns[Name];
  };
  const names = new Map<number, string>();
  const columns = eventColumns(column, names);
  const nameAt = namesOf(batch, firstSeq);
  for (let row = 0; row < batch.numRows; row++) {
    const sort = SORTS[(columns.type[row] << 8) | columns.code[row]];
    if (sort === SORT.plain) continue;
    if (sort === SORT.unknown) throw unknownCode(columns, row, firstSeq + row);
    if (sort === SORT.named) names.set(row, nameAt(row));
    else if (!hasKnownAttributes(columns, row)) {
      throw new InputError(`event ${firstSeq + row}: a request with unknown attributes ${columns.pfn[row]}`);
    }
  }
  return new EventBatch(columns, batch.numRows, firstSeq);
}

/** What is to be looked at in a row, by its type and code: in most of them nothing. */
const SORT = { unknown: 0, plain: 1, request: 2, named: 3 } as const;
const SORTS = new Uint8Array(2 ** 16);
for (const [type, codes] of KNOWN_CODES.entries()) {
  const kinds = Object.values(fieldsOf(EVENT_TYPES[type])).map(({ kind }) => kind);
  const sort = kinds.includes('attribute') ? SORT.request : kinds.includes('name') ? SORT.named : SORT.plain;
  for (const [code, isKnown] of codes.entries()) if (isKnown) SORTS[(type << 8) | code] = sort;
}

function unknownCode({ type, code }: EventColumns, row: number, seq: number): InputError {
  const name = EVENT_TYPES[type[row]];
  return name === undefined
    ? new InputError(`event ${seq}: unknown type code ${type[row]}`)
    : new InputError(`event ${seq} (${name}): unknown code ${code[row]}`);
}

/** With a byte order mark kept as what it is: the Arrow library takes it away from the beginning of a name. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

function namesOf(batch: RecordBatch, firstSeq: number): (row: number) => string {
  const { values, valueOffsets } = (batch.getChild('name') as Vector<Utf8> | null)?.data[0] ?? {};
  if (values === undefined || valueOffsets === undefined || valueOffsets.length <= batch.numRows) {
    throw new InputError(`event ${firstSeq}: column 'name' ends before its segment; the log is damaged`);
  }
  return (row) => DECODER.decode(values.subarray(valueOffsets[row], valueOffsets[row + 1]));
}

function parseMetadata(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(`Arrow metadata is not JSON: ${text.slice(0, 60)}`);
  }
}
