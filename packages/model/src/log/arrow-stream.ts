/** Arrow IPC streams of one record batch a message, each with one entry of metadata. */
import { concatBytes } from '@noble/hashes/utils.js';
import {
  type Field,
  makeData,
  RecordBatch,
  RecordBatchReader,
  type RecordBatchStreamReader,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Table,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { InputError } from '../errors.ts';
import { ARROW_END } from './arrow-message.ts';

/** The numbers of a column. */
type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;
/** What stands in the metadata: a key, and a value that becomes JSON. */
type Metadata = readonly [key: string, value: object];

const metadataMap = ([key, value]: Metadata) => new Map([[key, JSON.stringify(value)]]);

const messagesOf = (schema: Schema, ...batches: RecordBatch[]): Uint8Array =>
  new RecordBatchStreamWriter().writeAll(new Table(schema, batches)).toUint8Array(true);

const withoutEnd = (stream: Uint8Array): Uint8Array => stream.subarray(0, stream.length - ARROW_END.length);

/** Encodes and decodes streams of these columns: numbers, and one of names behind them. `what`: such a stream, for errors. */
export function arrowStream(fields: readonly Field[], what: string) {
  const all = [...fields];
  const plainSchema = new Schema(all);
  const numberFields = fields.slice(0, -1);
  /** The schema's message, which each stream of the library begins with. */
  const plainStart = withoutEnd(messagesOf(plainSchema));

  const messageOf = (batch: RecordBatch): Uint8Array =>
    withoutEnd(new RecordBatchStreamWriter().writeAll([batch]).toUint8Array(true)).subarray(
      plainStart.length,
    );

  function recordBatch(length: number, children: ReturnType<typeof makeData>[], metadata: Metadata) {
    const data = makeData({ type: new Struct(all), length, children });
    return new RecordBatch(plainSchema, data, metadataMap(metadata));
  }

  return {
    /** The first message: the schema with its metadata. */
    start: (metadata: Metadata): Uint8Array => withoutEnd(messagesOf(new Schema(all, metadataMap(metadata)))),

    /** A batch as a message; the numbers are copied as they are. */
    batch(
      length: number,
      column: (name: string) => Column,
      names: Iterable<readonly [row: number, name: string]>,
      metadata: Metadata,
    ): Uint8Array {
      const numbers = numberFields.map((field) =>
        makeData({ type: field.type, length, data: column(field.name) }),
      );
      const texts: (string | null)[] = new Array(length).fill(null);
      for (const [row, name] of names) texts[row] = name;
      const columns = [...numbers, vectorFromArray(texts, new Utf8()).data[0]];
      return messageOf(recordBatch(length, columns, metadata));
    },

    /** A message of metadata alone. */
    mark(metadata: Metadata): Uint8Array {
      const empty = fields.map((field) => makeData({ type: field.type, length: 0 }));
      return messageOf(recordBatch(0, empty, metadata));
    },

    /** The metadata of the first message under a key. Throws InputError if the columns are others. */
    metadataOf(message: Uint8Array, key: string): unknown {
      const { schema } = readerOf(message, ARROW_END);
      const text = schema.metadata.get(key);
      if (text === undefined)
        throw new InputError(`an Arrow stream without a decpool header; expected ${what}`);
      for (const field of fields) {
        const found = schema.fields.find((candidate) => candidate.name === field.name);
        if (found === undefined || String(found.type) !== String(field.type)) {
          throw new InputError(
            `column '${field.name}' is missing or not of type ${field.type}; expected ${what}`,
          );
        }
      }
      return parseMetadata(text);
    },

    /** The batch of another message, which may be given in parts. */
    decode(parts: readonly Uint8Array[]): RecordBatch {
      const next = readerOf(plainStart, ...parts, ARROW_END).next();
      if (next.done === true)
        throw new InputError(`an Arrow message without a record batch; ${what} that is damaged`);
      return next.value;
    },
  };
}

function readerOf(...parts: Uint8Array[]): RecordBatchStreamReader {
  // The whole stream is there, so the library reads it at once.
  const reader = RecordBatchReader.from(concatBytes(...parts)) as RecordBatchStreamReader;
  return reader.open();
}

export function parseMetadata(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(`Arrow metadata is not JSON: ${text.slice(0, 60)}`);
  }
}

/** A column as it lies in the message, of which the batch is the only reader: nothing is copied. Undefined if it is too short. */
export function numbersOf(batch: RecordBatch, name: string): Column | undefined {
  const values = batch.getChild(name)?.data[0].values;
  return values === undefined || values.length < batch.numRows
    ? undefined
    : values.subarray(0, batch.numRows);
}

/** With a byte order mark kept as what it is: the Arrow library takes it away from the beginning of a name. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** The names by their rows. Undefined if the column is too short. */
export function namesOf(batch: RecordBatch): ((row: number) => string) | undefined {
  const { values, valueOffsets } = (batch.getChild('name') as Vector<Utf8> | null)?.data[0] ?? {};
  if (values === undefined || valueOffsets === undefined || valueOffsets.length <= batch.numRows) {
    return undefined;
  }
  return (row) => DECODER.decode(values.subarray(valueOffsets[row], valueOffsets[row + 1]));
}
