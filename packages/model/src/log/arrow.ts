/**
 * Arrow IPC: the working format. A log is one Arrow stream: the header as JSON in the schema's metadata under
 * `decpool`, a record batch per batch of events with a column per EventColumns field, and an empty last batch whose
 * metadata holds the trailer under `trailer`.
 */
import {
  Field,
  Float64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Uint8,
  Uint16,
  Uint32,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { InputError } from '../errors.ts';
import {
  allocateColumns,
  type ColumnName,
  EventBatch,
  hasKnownAttributes,
  KNOWN_CODES,
} from '../events/columns.ts';
import { EVENT_TYPES, TYPE } from '../events/types.ts';
import { checkArrowMessage } from './arrow-message.ts';
import { type LogHeader, parseHeader } from './header.ts';
import { type LogTrailer, parseTrailer } from './trailer.ts';

export { ARROW_PREFIX_BYTES, arrowMetadataBytes } from './arrow-message.ts';

const HEADER_KEY = 'decpool';
const TRAILER_KEY = 'trailer';

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

/** The schema of a log: the same columns for all, the header in the metadata. */
export function arrowSchema(header: LogHeader): Schema {
  return new Schema(FIELDS, new Map([[HEADER_KEY, JSON.stringify(header)]]));
}

/** A batch of events as an Arrow record batch; the numbers are copied as they are. */
export function toArrow(schema: Schema, batch: EventBatch): RecordBatch {
  const numbers = NUMBER_FIELDS.map((field) =>
    makeData({ type: field.type, length: batch.length, data: batch.column(field.name) }),
  );
  const names: (string | null)[] = new Array(batch.length).fill(null);
  for (const [row, name] of batch.names()) names[row] = name;
  return recordBatch(schema, batch.length, [...numbers, vectorFromArray(names, new Utf8()).data[0]]);
}

/** The last record batch of a finished log. */
export function toArrowTrailer(schema: Schema, trailer: LogTrailer): RecordBatch {
  const empty = FIELDS.map((field) => makeData({ type: field.type, length: 0 }));
  return recordBatch(schema, 0, empty, new Map([[TRAILER_KEY, JSON.stringify(trailer)]]));
}

function recordBatch(
  schema: Schema,
  length: number,
  children: ReturnType<typeof makeData>[],
  metadata?: Map<string, string>,
): RecordBatch {
  const data = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
  return new RecordBatch(schema, data, metadata);
}

/**
 * Checks the metadata of a message, a log's first or another, and returns the bytes of its body. Throws InputError
 * for what no log has and what the Arrow library would not survive.
 */
export function checkMessage(metadata: Uint8Array, isFirst: boolean): number {
  return checkArrowMessage(metadata, isFirst, FIELDS.length);
}

/** Reads the header out of a stream's schema. Throws InputError when it is not a decpool log. */
export function headerFromArrow(schema: Schema): LogHeader {
  const text = schema.metadata.get(HEADER_KEY);
  if (text === undefined)
    throw new InputError('an Arrow stream, but not an event log: it has no decpool header');
  for (const field of FIELDS) {
    const found = schema.fields.find((candidate) => candidate.name === field.name);
    if (found === undefined || String(found.type) !== String(field.type)) {
      throw new InputError(`the log's column '${field.name}' is missing or not of type ${field.type}`);
    }
  }
  return parseHeader(parseMetadata(text));
}

/** What a record batch holds; `firstSeq` is the number of events before it. */
export function fromArrow(
  batch: RecordBatch,
  firstSeq: number,
): { readonly batch: EventBatch } | { readonly trailer: LogTrailer } {
  const trailer = batch.metadata.get(TRAILER_KEY);
  if (trailer !== undefined) return { trailer: parseTrailer(parseMetadata(trailer), firstSeq) };
  const numbers = NUMBER_FIELDS.map(({ name }) => {
    const values = batch.getChild(name)?.data[0].values;
    if (values === undefined || values.length < batch.numRows) {
      throw new InputError(`the log's column '${name}' is too short after event ${firstSeq}`);
    }
    return values.subarray(0, batch.numRows);
  });
  // Only now: a damaged log does not get memory for rows that it does not have.
  const columns = allocateColumns(batch.numRows);
  for (const [index, { name }] of NUMBER_FIELDS.entries()) columns[name].set(numbers[index]);
  const names = batch.getChild('name');
  for (let row = 0; row < batch.numRows; row++) {
    if (columns.type[row] >= EVENT_TYPES.length) {
      throw new InputError(`event ${firstSeq + row} has the unknown type code ${columns.type[row]}`);
    }
    if (KNOWN_CODES[columns.type[row]][columns.code[row]] !== true) {
      const type = EVENT_TYPES[columns.type[row]];
      throw new InputError(`event ${firstSeq + row} (${type}) has the unknown code ${columns.code[row]}`);
    }
    if (!hasKnownAttributes(columns, row)) {
      throw new InputError(
        `event ${firstSeq + row} is a request with unknown attributes ${columns.pfn[row]}`,
      );
    }
    if (columns.type[row] === TYPE.ownerRegistered) columns.names.set(row, String(names?.get(row) ?? ''));
  }
  return { batch: new EventBatch(columns, batch.numRows, firstSeq) };
}

function parseMetadata(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(`the log's metadata is not JSON: ${text.slice(0, 60)}`);
  }
}
