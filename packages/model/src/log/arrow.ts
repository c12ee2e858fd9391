/**
 * Arrow IPC: the working format. A log is one Arrow stream: the header as JSON in the schema's metadata under
 * `decpool`, a record batch per segment with a column per EventColumns field and the checkpoint in its metadata, and empty
 * batches whose metadata hold a keyframe or the seal.
 */
import { Field, Float64, type RecordBatch, Uint8, Uint16, Uint32, Utf8 } from 'apache-arrow';
import { InputError } from '../errors.ts';
import { EventBatch } from '../events/batch.ts';
import { type ColumnName, type EventColumns, eventColumns } from '../events/columns.ts';
import { hasKnownAttributes, KNOWN_CODES } from '../events/objects.ts';
import { EVENT_TYPES, fieldsOf } from '../events/schema.ts';
import { type ArrowMessage, checkArrowMessage } from './arrow-message.ts';
import { arrowStream, namesOf, numbersOf, parseMetadata } from './arrow-stream.ts';
import { type LogHeader, parseHeader, type ReadHeader } from './header.ts';
import type { LogOrder, LogRecord } from './record.ts';
import { type Checkpoint, MAX_SEGMENT_EVENTS, type MarkName, type Marks, parseMark } from './seal.ts';

export { ARROW_END, ARROW_PREFIX_BYTES, type ArrowMessage, arrowMetadataBytes } from './arrow-message.ts';
export * from './request-arrow.ts';

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

const STREAM = arrowStream(FIELDS, 'an event log');

/** The first message of a log: the schema, with the header in its metadata. */
export const encodeArrowHeader = (header: LogHeader): Uint8Array => STREAM.start([HEADER_KEY, header]);

/** A segment as a message; the numbers are copied as they are. */
export const encodeArrowSegment = (batch: EventBatch, checkpoint: Checkpoint): Uint8Array =>
  STREAM.batch(batch.length, (name) => batch.column(name as ColumnName), batch.names(), [
    'checkpoint',
    checkpoint,
  ]);

/** What stands between segments, as a message with an empty record batch. */
export const encodeArrowMark = <Name extends 'keyframe' | 'seal'>(
  name: Name,
  mark: Marks[Name],
): Uint8Array => STREAM.mark([name, mark]);

/**
 * Checks the metadata of a message, a log's first or another, and says what it is. Throws InputError for what no log has and
 * what the Arrow library would not survive.
 */
export function checkMessage(metadata: Uint8Array, isFirst: boolean): ArrowMessage {
  return checkArrowMessage(metadata, isFirst, FIELDS.length);
}

/** Reads the header out of a log's first message. Throws InputError when it is not a decpool log. */
export const decodeArrowHeader = (message: Uint8Array): ReadHeader =>
  parseHeader(STREAM.metadataOf(message, HEADER_KEY));

/** What another message of a log holds, which may be given in parts: a segment, or what stands between them. */
export const decodeArrowMessage = (message: Uint8Array | readonly Uint8Array[], order: LogOrder): LogRecord =>
  recordOf(STREAM.decode(message instanceof Uint8Array ? [message] : message), order);

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
  const column = <Name extends ColumnName>(name: Name) => {
    const values = numbersOf(batch, name);
    if (values === undefined) throw endsEarly(name, firstSeq);
    return values as EventColumns[Name];
  };
  const names = new Map<number, string>();
  const columns = eventColumns(column, names);
  const nameAt = namesOf(batch);
  if (nameAt === undefined) throw endsEarly('name', firstSeq);
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

const endsEarly = (column: string, firstSeq: number) =>
  new InputError(`event ${firstSeq}: column '${column}' ends before its segment; the log is damaged`);
