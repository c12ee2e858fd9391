import {
  makeData,
  RecordBatch,
  RecordBatchReader,
  RecordBatchStreamWriter,
  Struct,
  Utf8,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { columnsOf, EventBatch } from '../events/batch.ts';
import { allocateColumns, type EventColumns, NUMBER_COLUMNS } from '../events/columns.ts';
import { TYPE } from '../events/schema.ts';
import { batchOf, EXAMPLES } from '../testing.ts';
import {
  ARROW_END,
  ARROW_PREFIX_BYTES,
  arrowMetadataBytes,
  decodeArrowHeader,
  decodeArrowMessage,
  encodeArrowHeader,
  encodeArrowMark,
  encodeArrowSegment,
} from './arrow.ts';
import type { LogHeader } from './header.ts';
import { LogOrder } from './record.ts';
import { type Checkpoint, MAX_SEGMENT_EVENTS } from './seal.ts';
import { HASH } from './testing.ts';
import { SCHEMA_VERSION } from './upcast.ts';

const checkpointAt = (events: number): Checkpoint => ({ events, chain: HASH, locator: '0'.repeat(8) });
const orderAt = (events: number) => new LogOrder({ version: SCHEMA_VERSION, events });

const FIRST = encodeArrowHeader({} as LogHeader);
const open = (...messages: Uint8Array[]) =>
  RecordBatchReader.from(Buffer.concat([FIRST, ...messages])).open();

/** The message of a batch as the Arrow library makes it. */
function messageOf(batch: RecordBatch): Uint8Array {
  const stream = new RecordBatchStreamWriter().writeAll([batch]).toUint8Array(true);
  const schemaBytes = ARROW_PREFIX_BYTES + arrowMetadataBytes(stream.subarray(0, ARROW_PREFIX_BYTES));
  return stream.slice(schemaBytes, -ARROW_END.length);
}

/** A message as it was read, with another entry of metadata. */
function relabelled(message: Uint8Array, key: string, value: object): Uint8Array {
  const [batch] = open(message, ARROW_END);
  return messageOf(new RecordBatch(batch.schema, batch.data, new Map([[key, JSON.stringify(value)]])));
}

/** Three events, the second with a name. */
const EVENTS = batchOf([
  EXAMPLES['object-freed'][0],
  { type: 'owner-registered', owner: 1, name: '\ufeffnic' },
  EXAMPLES['free-requested'][0],
]);
const SEGMENT = encodeArrowSegment(EVENTS, checkpointAt(3));

describe('a log as Arrow', () => {
  it('has a column for each number of an event, and one for names, which most events lack', () => {
    const { schema } = open(ARROW_END);
    expect(schema.fields.map(({ name, type, nullable }) => `${name} ${type} ${nullable}`)).toEqual([
      'type Uint8 false',
      'code Uint8 false',
      'owner Uint16 false',
      'request Uint32 false',
      'allocation Uint32 false',
      'pfn Uint32 false',
      'pages Uint32 false',
      'bytes Uint32 false',
      'time Float64 false',
      'name Utf8 true',
    ]);
  });

  it('has the names of owners and no others, with a byte order mark if there was one', () => {
    const record = decodeArrowMessage(SEGMENT, orderAt(0));
    expect(record.kind === 'segment' && record.batch.names()).toEqual(new Map([[1, '\ufeffnic']]));
    expect(record.kind === 'segment' && [...record.batch]).toEqual([...EVENTS]);
  });

  it('is read from messages in parts, wherever they are cut', () => {
    const whole = decodeArrowMessage(SEGMENT, orderAt(0));
    for (let at = 1; at < SEGMENT.length; at += 37) {
      const parts = [SEGMENT.subarray(0, at), SEGMENT.subarray(at)];
      expect(decodeArrowMessage(parts, orderAt(0))).toEqual(whole);
    }
  });

  it.each([
    ['keyframe', { events: 0, stateHash: HASH, hash: HASH, state: '' }, SCHEMA_VERSION],
    ['seal', { events: 0, chain: HASH, stateHash: HASH }, SCHEMA_VERSION],
    ['trailer', { events: 0, stateHash: HASH }, 1],
  ] as const)('has no events in a message with a %s', (name, mark, version) => {
    const order = new LogOrder({ version, events: 0 });
    for (const rows of [1, 3]) {
      const segment = encodeArrowSegment(EVENTS.slice(0, rows), checkpointAt(rows));
      const message = relabelled(segment, name, mark);
      expect(() => decodeArrowMessage(message, order)).toThrow(
        new InputError(`a ${name} with ${rows} events; expected none`),
      );
    }
    const empty = encodeArrowMark('seal', { events: 0, chain: HASH, stateHash: HASH });
    expect(decodeArrowMessage(relabelled(empty, name, mark), order)).toEqual({ kind: name, [name]: mark });
  });

  it.each([1, 2, 3])('of schema version %d has a checkpoint behind each segment, or none', (version) => {
    const order = () => new LogOrder({ version, events: 0 });
    const bare = relabelled(SEGMENT, 'nothing', {});
    const [taken, refused] = version === 1 ? [bare, SEGMENT] : [SEGMENT, bare];
    expect(decodeArrowMessage(taken, order())).toMatchObject({ kind: 'segment' });
    expect(() => decodeArrowMessage(refused, order())).toThrow(`schema version ${version}`);
  });

  it('has segments of 65,536 events at most', () => {
    const columns = allocateColumns(MAX_SEGMENT_EVENTS);
    columns.type.fill(TYPE.reserveRefilled);
    const batch = new EventBatch(columns, MAX_SEGMENT_EVENTS, 0);
    const message = encodeArrowSegment(batch, checkpointAt(MAX_SEGMENT_EVENTS));
    expect(decodeArrowMessage(message, orderAt(0))).toMatchObject({ kind: 'segment' });
  });

  // The library fills columns up to 8 bytes.
  const LONG = batchOf(new Array(24).fill(EXAMPLES['object-freed'][0]), 7);

  it('is refused if a column of numbers is shorter than its segment', () => {
    const message = (short: Partial<EventColumns>) =>
      encodeArrowSegment(new EventBatch({ ...columnsOf(LONG), ...short }, 24, 7), checkpointAt(31));
    expect(decodeArrowMessage(message({}), orderAt(7))).toMatchObject({ kind: 'segment' });
    for (const name of NUMBER_COLUMNS) {
      for (const rows of [0, 8, 16]) {
        const short = message({ [name]: columnsOf(LONG)[name].slice(0, rows) });
        expect(() => decodeArrowMessage(short, orderAt(7))).toThrow(
          new InputError(`event 7: column '${name}' ends before its segment; the log is damaged`),
        );
      }
    }
  });

  it('is refused if the column of names is shorter than its segment', () => {
    const [{ schema, data, metadata }] = open(encodeArrowSegment(LONG, checkpointAt(31)), ARROW_END);
    const withNames = (rows: number) => {
      const valueOffsets = new Int32Array(rows + 1);
      const names = makeData({ type: new Utf8(), length: 24, valueOffsets, data: new Uint8Array() });
      const children = [...data.children.slice(0, -1), names];
      const struct = makeData({ type: new Struct(schema.fields), length: 24, children });
      return messageOf(new RecordBatch(schema, struct, metadata));
    };
    expect(decodeArrowMessage(withNames(24), orderAt(7))).toMatchObject({ kind: 'segment' });
    for (const rows of [0, 1, 22, 23]) {
      expect(() => decodeArrowMessage(withNames(rows), orderAt(7))).toThrow(
        new InputError("event 7: column 'name' ends before its segment; the log is damaged"),
      );
    }
  });

  it('is refused with the number of the event that is none', () => {
    const withRow = (name: 'type' | 'code' | 'pfn', row: number, value: number) => {
      const columns = columnsOf(batchOf([...EVENTS]));
      columns[name][row] = value;
      return encodeArrowSegment(new EventBatch(columns, 3, 7), checkpointAt(10));
    };
    const refused = (message: Uint8Array) => () => decodeArrowMessage(message, orderAt(7));
    expect(refused(withRow('type', 2, 255))).toThrow('event 9: unknown type code 255');
    expect(refused(withRow('code', 2, 255))).toThrow('event 9 (free-requested): unknown code 255');
    expect(refused(withRow('pfn', 2, 128))).toThrow('event 9: a request with unknown attributes 128');
  });

  it('is refused without a batch, and with metadata that is no JSON, of which 60 characters are shown', () => {
    expect(() => decodeArrowMessage([], orderAt(0))).toThrow(InputError);
    const [{ schema, data }] = open(SEGMENT, ARROW_END);
    const text = `[${'0123456789'.repeat(9)}`;
    const message = messageOf(new RecordBatch(schema, data, new Map([['checkpoint', text]])));
    expect(() => decodeArrowMessage(message, orderAt(0))).toThrow(
      new InputError(`Arrow metadata is not JSON: ${text.slice(0, 60)}`),
    );
    expect(() => decodeArrowHeader(FIRST)).toThrow("log header, 'schema'");
  });
});
