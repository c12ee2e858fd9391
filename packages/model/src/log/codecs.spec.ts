import { RecordBatch, RecordBatchReader, RecordBatchStreamWriter, Schema, Table, Uint16 } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { InputError } from '../errors.ts';
import { columnsOf, EventBatch, EventRows } from '../events/batch.ts';
import { allocateColumns } from '../events/columns.ts';
import { EVENT_TYPES, type EventBody, type PoolEvent, TYPE } from '../events/schema.ts';
import { APIS } from '../requests.ts';
import { Columns } from '../state/columns.ts';
import {
  batchOf,
  EXAMPLE_EVENTS,
  EXAMPLES,
  historyOf,
  SMALL_MAP,
  someChoices,
  type Told,
} from '../testing.ts';
import {
  ARROW_END,
  ARROW_PREFIX_BYTES,
  arrowMetadataBytes,
  checkMessage,
  decodeArrowHeader,
  decodeArrowMessage,
  encodeArrowHeader,
  encodeArrowMark,
  encodeArrowSegment,
} from './arrow.ts';
import { machineOf } from './header.ts';
import { encodeEventLines, encodeHeaderLine, encodeMarkLine, NdjsonDecoder } from './ndjson.ts';
import { LogOrder, type LogRecord } from './record.ts';
import { type Checkpoint, type Keyframe, MAX_SEGMENT_EVENTS, parseMark, type Seal } from './seal.ts';
import { locatorOf } from './segment.ts';
import { HASH, header } from './testing.ts';
import { RULES_REVISION, SCHEMA_VERSION } from './upcast.ts';

const CHOICES = someChoices(600);
const EVENTS = historyOf(machineOf(header), SMALL_MAP, CHOICES);
const histories = fc
  .array(fc.nat(2 ** 30), { maxLength: 150, size: 'max' })
  .map((choices) => historyOf(machineOf(header), SMALL_MAP, choices));
const batchSize = fc.integer({ min: 1, max: 50 });

const ENCODER = new TextEncoder();

const checkpointAt = (events: number): Checkpoint => ({ events, chain: HASH, locator: '0'.repeat(8) });
const trailerLine = (events: number) => encodeMarkLine('trailer', { events, stateHash: HASH }).trimEnd();

/** The events, cut into batches of `rows`. */
function cut(events: readonly PoolEvent[], rows: number): EventBatch[] {
  const batches: EventBatch[] = [];
  for (let at = 0; at < events.length; at += rows) batches.push(batchOf(events.slice(at, at + rows), at));
  return batches;
}

function hashOf(batches: readonly EventBatch[]): string {
  const columns = new Columns(machineOf(header), header.memory.directMap);
  for (const batch of batches) columns.fold(batch);
  return columns.hash();
}

/** What a log holds beside its header; nothing here is vouched for, so the hashes are any. */
interface Content {
  readonly segments: readonly { readonly batch: EventBatch; readonly checkpoint: Checkpoint }[];
  /** Behind its second segment. */
  readonly keyframe: Keyframe;
  readonly seal: Seal;
}

function contentOf(batches: readonly EventBatch[]): Content {
  const segments = batches.map((batch) => ({
    batch,
    checkpoint: { events: batch.firstSeq + batch.length, chain: HASH, locator: locatorOf(batch) },
  }));
  const events = segments.at(-1)?.checkpoint.events ?? 0;
  const keyframeAt = segments[1]?.checkpoint.events ?? 0;
  return {
    segments,
    keyframe: { events: keyframeAt, stateHash: HASH, hash: HASH, state: 'c3RhdGU=' },
    seal: { events, chain: HASH, stateHash: hashOf(batches) },
  };
}

function linesOf({ segments, keyframe, seal }: Content): string[] {
  const parts = segments.map(
    ({ batch, checkpoint }, index) =>
      new TextDecoder().decode(encodeEventLines(batch)) +
      encodeMarkLine('checkpoint', checkpoint) +
      (index === 1 ? encodeMarkLine('keyframe', keyframe) : ''),
  );
  return `${encodeHeaderLine(header)}${parts.join('')}${encodeMarkLine('seal', seal)}`
    .split('\n')
    .slice(0, -1);
}

const messagesOf = ({ segments, keyframe, seal }: Content): Uint8Array[] => [
  encodeArrowHeader(header),
  ...segments.flatMap(({ batch, checkpoint }, index) => [
    encodeArrowSegment(batch, checkpoint),
    ...(index === 1 ? [encodeArrowMark('keyframe', keyframe)] : []),
  ]),
  encodeArrowMark('seal', seal),
];

/** A decoder over bytes that come in pieces of these sizes in turn, each of them used again for the next. */
function decodeBytes(bytes: Uint8Array, sizes: readonly number[] = [bytes.length]) {
  const decoder = new NdjsonDecoder();
  const records: LogRecord[] = [];
  const piece = new Uint8Array(Math.max(...sizes));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.min(sizes[turn % sizes.length], bytes.length - at);
    piece.set(bytes.subarray(at, at + size));
    records.push(...decoder.push(piece.subarray(0, size)));
    piece.fill(0x7b);
    at += size;
  }
  records.push(...decoder.finish());
  return { decoder, records };
}

const decodeLines = (lines: readonly string[]) => decodeBytes(ENCODER.encode(`${lines.join('\n')}\n`));

/** The messages of an Arrow stream, taken apart and read as a file would be. */
function decodeStream(stream: Uint8Array): LogRecord[] {
  const order = new LogOrder();
  const records: LogRecord[] = [];
  for (let at = 0; ; ) {
    const size = arrowMetadataBytes(stream.subarray(at, at + ARROW_PREFIX_BYTES));
    if (size === 0) return records;
    const body = at + ARROW_PREFIX_BYTES + size;
    const metadata = stream.subarray(at + ARROW_PREFIX_BYTES, body);
    const { bodyBytes } = checkMessage(metadata, records.length === 0);
    const message = stream.subarray(at, body + bodyBytes);
    records.push(
      records.length === 0 ? order.header(decodeArrowHeader(message)) : decodeArrowMessage(message, order),
    );
    at = body + bodyBytes;
  }
}

const decodeMessages = (messages: readonly Uint8Array[]) =>
  decodeStream(new Uint8Array(Buffer.concat([...messages, ARROW_END])));

const batchesOf = (records: readonly LogRecord[]) =>
  records.flatMap((record) => (record.kind === 'segment' ? [record.batch] : []));
const eventsOf = (records: readonly LogRecord[]) => batchesOf(records).flatMap((batch) => [...batch]);

/** The records must be those of the content, whichever way it went. */
function expectContent(records: readonly LogRecord[], { segments, keyframe, seal }: Content): void {
  const parts = segments.flatMap(({ batch, checkpoint }, index): unknown[] => [
    { kind: 'segment', events: [...batch], firstSeq: batch.firstSeq, checkpoint },
    ...(index === 1 ? [{ kind: 'keyframe', keyframe }] : []),
  ]);
  const told = records.map((record) =>
    record.kind === 'segment'
      ? {
          kind: record.kind,
          events: [...record.batch],
          firstSeq: record.batch.firstSeq,
          checkpoint: record.checkpoint,
        }
      : record,
  );
  expect(told).toEqual([
    { kind: 'header', header, version: SCHEMA_VERSION },
    ...parts,
    { kind: 'seal', seal },
  ]);
  expect(hashOf(batchesOf(records))).toBe(seal.stateHash);
}

const schemaOf = (message: Uint8Array): Schema =>
  RecordBatchReader.from(Buffer.concat([message, ARROW_END])).open().schema;

/** A segment as version 1 has it. */
function withoutMetadata(segment: Uint8Array): Uint8Array {
  const [batch] = RecordBatchReader.from(
    Buffer.concat([encodeArrowHeader(header), segment, ARROW_END]),
  ).open();
  const stream = new RecordBatchStreamWriter()
    .writeAll([new RecordBatch(batch.schema, batch.data)])
    .toUint8Array(true);
  const schemaBytes = ARROW_PREFIX_BYTES + arrowMetadataBytes(stream.subarray(0, ARROW_PREFIX_BYTES));
  return stream.slice(schemaBytes, -ARROW_END.length);
}

describe('NDJSON', () => {
  it('round-trips to the same records and the same hash, wherever segments and bytes are cut', () => {
    fc.assert(
      fc.property(
        histories,
        batchSize,
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 4 }),
        (events, rows, sizes) => {
          const content = contentOf(cut(events, rows));
          const bytes = ENCODER.encode(`${linesOf(content).join('\n')}\n`);
          expectContent(decodeBytes(bytes, sizes).records, content);
        },
      ),
      { numRuns: randomRuns(30) },
    );
  });

  it.each([1, 2, 3, 1000])(
    'may come %d bytes at a time, with carriage returns, empty lines and no newline at its end',
    (size) => {
      const content = contentOf(cut(EVENTS.slice(0, 60), 20));
      const text = linesOf(content).join('\r\n\n\r\n');
      const { records, decoder } = decodeBytes(ENCODER.encode(text), [size]);
      expectContent(records, content);
      expect([decoder.events, decoder.openEvents, decoder.openBytes]).toEqual([60, 0, 0]);
    },
  );

  it('has segments longer than those there is room for at first', () => {
    const columns = allocateColumns(2 * 8192 + 1);
    columns.type.fill(TYPE.reserveRefilled);
    for (const row of columns.pages.keys()) columns.pages[row] = row;
    const batch = new EventBatch(columns, columns.pages.length, 0);
    const checkpoint = encodeMarkLine('checkpoint', checkpointAt(batch.length));
    const lines = [encodeHeaderLine(header), encodeEventLines(batch), checkpoint];
    const [read] = batchesOf(decodeBytes(Buffer.concat(lines.map((part) => Buffer.from(part)))).records);
    expect([read.length, read.column('pages').length]).toEqual([batch.length, batch.length]);
    expect(read.column('pages').findIndex((pages, row) => pages !== row)).toBe(-1);
    expect(read.column('type').findIndex((type) => type !== TYPE.reserveRefilled)).toBe(-1);
  });

  it('holds every field of every type of event', () => {
    expect(EXAMPLE_EVENTS.length).toBeGreaterThan(EVENT_TYPES.length);
    const batch = batchOf(EXAMPLE_EVENTS);
    const lines = new TextDecoder().decode(encodeEventLines(batch));
    const checkpoint = encodeMarkLine('checkpoint', checkpointAt(batch.length));
    const { records } = decodeBytes(ENCODER.encode(encodeHeaderLine(header) + lines + checkpoint));
    expect(eventsOf(records)).toEqual(EXAMPLE_EVENTS);
  });

  it('leaves out what is usual: GFP_KERNEL, any node, no alignment, a host that did not convert', () => {
    const lineOf = (event: Told) => new TextDecoder().decode(encodeEventLines(batchOf([event])));
    const plain = EXAMPLES['allocation-requested'][0];
    const line = lineOf({ ...plain, gfp: 'GFP_KERNEL', align: 1 } as Told);
    expect(Object.keys(JSON.parse(line))).toEqual([
      'seq',
      'time',
      'request',
      'type',
      'allocation',
      'api',
      'pages',
      'bytes',
      'owner',
    ]);
    const failed = lineOf(EXAMPLES['conversion-failed'][0]);
    expect(failed).not.toContain('converted');
    expect(failed).not.toContain('offset');
  });

  it('writes one JSON object a line, with the names that events have in code', () => {
    const [, first] = linesOf(contentOf(cut(EVENTS, 100)));
    expect(first).toBe('{"seq":0,"time":0,"request":0,"type":"owner-registered","owner":0,"name":"netvsc"}');
  });

  const CONTENT = contentOf(cut(EVENTS, 100));
  const lines = linesOf(CONTENT);

  it('that was cut off has its whole segments, and says what it has of another', () => {
    const bytes = ENCODER.encode(`${lines.join('\n')}\n`);
    const ends = new Set<number>();
    for (let length = lines[0].length + 10; length < bytes.length - 2; length += 2477) {
      const { decoder, records } = decodeBytes(bytes.subarray(0, length));
      const text = new TextDecoder().decode(bytes.subarray(0, length));
      expect([0, EVENTS.length % 100]).toContain(decoder.events % 100);
      expect(eventsOf(records)).toEqual(EVENTS.slice(0, decoder.events));
      // The last line is taken when it is whole but for its newline.
      const told = text.split('\n').filter((line) => line.startsWith('{"seq"') && line.endsWith('}')).length;
      expect(decoder.events + decoder.openEvents).toBe(told);
      const isWhole = text.endsWith('\n') || text.endsWith('}');
      expect(decoder.openBytes).toBe(isWhole ? 0 : text.length - text.lastIndexOf('\n') - 1);
      ends.add(decoder.events);
    }
    expect(ends.size).toBeGreaterThan(5);
  });

  it('goes on from behind a checkpoint where it is told to', () => {
    const checkpoint = lines.findIndex((line) => line.startsWith('{"checkpoint"'));
    const decoder = new NdjsonDecoder({ version: SCHEMA_VERSION, events: 100, lines: checkpoint + 1 });
    const rest = ENCODER.encode(`${lines.slice(checkpoint + 1).join('\n')}\n`);
    expect(eventsOf([...decoder.push(rest)])).toEqual(EVENTS.slice(100));
    const again = new NdjsonDecoder({ version: SCHEMA_VERSION, events: 100, lines: checkpoint + 1 });
    expect(() => [...again.push(ENCODER.encode(`${lines[1]}\n`))]).toThrow(
      `line ${checkpoint + 2}: 'seq' is 0; expected 100`,
    );
  });

  const mangled = (change: (lines: string[]) => void) => {
    const copy = [...lines];
    change(copy);
    return () => decodeLines(copy);
  };
  const first = (all: readonly string[], mark: string) =>
    all.findIndex((line) => line.startsWith(`{"${mark}"`));

  it.each<[string, (lines: string[]) => void, string | RegExp]>([
    ['a line cut short', (all) => all.splice(3, 1, all[3].slice(0, 20)), 'line 4: not JSON: '],
    ['a missing line', (all) => all.splice(3, 1), "line 4: 'seq' is 3; expected 2"],
    ['a line twice', (all) => all.splice(3, 0, all[3]), "line 5: 'seq' is 2; expected 3"],
    [
      'a missing line before a checkpoint',
      (all) => all.splice(first(all, 'checkpoint') - 1, 1),
      'counts 100 events, but the log has 99',
    ],
    ['the last checkpoint missing', (all) => all.splice(-2, 1), 'seal before the checkpoint'],
    [
      'a keyframe in a segment',
      (all) => all.splice(5, 0, all[first(all, 'keyframe')]),
      'line 6: keyframe before the checkpoint',
    ],
    [
      'a keyframe elsewhere',
      (all) => all.splice(1, 0, all[first(all, 'keyframe')]),
      'counts 200 events, but the log has 0',
    ],
    ['a checkpoint twice', (all) => all.push(all.at(-2)!), 'data after the seal'],
    ['events after the seal', (all) => all.push(all[1]), 'data after the seal'],
    ['a second seal', (all) => all.push(all.at(-1)!), 'data after the seal'],
    [
      'a seal of another length',
      (all) => all.push(all.pop()!.replace(/"events":\d+/, '"events":1')),
      'the log is damaged',
    ],
    [
      'a trailer',
      (all) => all.splice(-1, 1, trailerLine(EVENTS.length)),
      'unexpected trailer: schema version 3',
    ],
    ['no header', (all) => all.shift(), "line 1: log header, 'schema'"],
    ['a second header', (all) => all.splice(1, 0, all[0]), "line 2: 'seq' is undefined; expected 0"],
    ['null', (all) => all.splice(1, 1, 'null'), "'seq' is undefined; expected 0"],
    ['a number', (all) => all.splice(1, 1, '7'), "line 2: 'seq' is undefined; expected 0"],
    ['a text', (all) => all.splice(1, 1, '"seal"'), "line 2: 'seq' is undefined; expected 0"],
    ['an array', (all) => all.splice(1, 1, '[]'), "'seq' is undefined; expected 0"],
    [
      'a mark with something beside it',
      (all) => all.splice(1, 0, '{"seal":{},"x":1}'),
      "line 2: 'seq' is undefined",
    ],
  ])('refuses %s', (_, change, message) => {
    expect(mangled(change)).toThrow(InputError);
    expect(mangled(change)).toThrow(message);
  });

  it.each([
    ['{"seq":0,"type":"no-such-type"}', "line 3: unknown event type 'no-such-type'"],
    ['{"seq":0,"type":"constructor"}', "unknown event type 'constructor'"],
    ['{"seq":0,"type":"__proto__"}', "unknown event type '__proto__'"],
    ['{"seq":0}', "'type' must be the name of an event type"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"x":1}', "unknown field 'x'"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"__proto__":{}}', "unknown field '__proto__'"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"constructor":1}', "unknown field 'constructor'"],
    ['{"seq":0,"type":"pages-returned","pfn":1}', "'pages' must be a whole number from 0 to 4294967295"],
    ['{"seq":0,"type":"pages-returned","pfn":-1,"pages":1}', "'pfn' must be"],
    ['{"seq":0,"type":"pages-returned","pfn":1.5,"pages":1}', "'pfn' must be"],
    ['{"seq":0,"type":"pages-returned","pfn":"1","pages":1}', "'pfn' must be"],
    ['{"seq":0,"type":"pages-returned","pfn":4294967296,"pages":1}', "'pfn' must be"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"time":-1}', "'time' must be a whole number of ns"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"request":0.5}', "'request' must be"],
    ['{"seq":0,"type":"large-page-split","pfn":0,"level":1}', "'level' must be 2 (2M) or 3 (1G)"],
    ['{"seq":0,"type":"pages-claimed","pfn":0,"pages":1,"migratetype":"Fixed"}', 'must be one of Unmovable'],
    ['{"seq":0,"type":"pages-claimed","pfn":0,"pages":1,"migratetype":["CMA"]}', 'must be one of Unmovable'],
    ['{"seq":0,"type":"owner-registered","owner":65536,"name":"x"}', "'owner' must be"],
    ['{"seq":0,"type":"owner-registered","owner":0,"name":7}', "'name' must be a string"],
  ])('refuses %s', (line, message) => {
    const decoder = new NdjsonDecoder();
    const push = (text: string) => [...decoder.push(ENCODER.encode(`${text}\n`))];
    push(lines[0]);
    expect(() => push(line)).toThrow(InputError);
    expect(() => push(line)).toThrow(message);
    // What was refused has left nothing behind.
    push(lines[1]);
    expect(eventsOf(push(encodeMarkLine('checkpoint', checkpointAt(1)).trimEnd()))).toEqual([EVENTS[0]]);
  });

  it('refuses a segment that never ends, so that no reader has to hold it', () => {
    const decoder = new NdjsonDecoder();
    for (const _ of decoder.push(ENCODER.encode(encodeHeaderLine(header))));
    const rows = 4096;
    const many = (firstSeq: number) =>
      encodeEventLines(batchOf(new Array(rows).fill({ type: 'reserve-refilled', pages: 1 }), firstSeq));
    for (let seq = 0; seq < MAX_SEGMENT_EVENTS; seq += rows) expect([...decoder.push(many(seq))]).toEqual([]);
    expect(() => [...decoder.push(many(MAX_SEGMENT_EVENTS))]).toThrow('no checkpoint after 65536 events');
  });
});

describe('a decoder of NDJSON', () => {
  const begun = (skipsKeyframes = false) => {
    const decoder = new NdjsonDecoder(undefined, skipsKeyframes);
    expect([...decoder.push(ENCODER.encode(encodeHeaderLine(header)))]).toHaveLength(1);
    return (line: string) => [...decoder.push(ENCODER.encode(`${line}\n`))];
  };
  const seal = encodeMarkLine('seal', { events: 0, chain: HASH, stateHash: HASH }).trimEnd();

  it('can pass keyframes over unread, but not behind the seal', () => {
    const push = begun(true);
    expect(push('{"keyframe": what is no JSON')).toEqual([]);
    expect(() => push('["keyframe": what is no JSON')).toThrow('line 3: not JSON');
    expect(push(seal)).toHaveLength(1);
    expect(() => push('{"keyframe":{}}')).toThrow('line 5: data after the seal');
    expect(() => begun()('{"keyframe": what is no JSON')).toThrow('line 2: not JSON');
  });

  it('passes nothing over that begins otherwise than a keyframe, by a single bit', () => {
    const line = '{"keyframe":{"events":0}}';
    for (let bit = 0; bit < 8 * '{"keyframe":'.length; bit++) {
      const damaged = ENCODER.encode(line);
      damaged[bit >>> 3] ^= 1 << (bit & 7);
      const decoder = new NdjsonDecoder({ version: SCHEMA_VERSION, events: 0, lines: 1 }, true);
      expect(() => [...decoder.push(damaged), ...decoder.push(ENCODER.encode('\n'))], `bit ${bit}`).toThrow(
        InputError,
      );
    }
  });

  it('refuses whatever comes behind the seal, unread', () => {
    for (const line of [`{"seq":0, no JSON`, encodeMarkLine('checkpoint', checkpointAt(0)).trimEnd()]) {
      const push = begun();
      push(seal);
      expect(() => push(line)).toThrow(
        new InputError('line 3: data after the seal; expected the end of the log'),
      );
    }
  });

  it('counts a last event without a newline, and gives nothing for it', () => {
    const decoder = new NdjsonDecoder({ version: SCHEMA_VERSION, events: 0, lines: 1 });
    const line = ENCODER.encode('{"seq":0,"type":"reserve-refilled","pages":1}');
    expect([...decoder.push(line), ...decoder.finish()]).toEqual([]);
    expect([decoder.openEvents, decoder.openBytes]).toEqual([1, 0]);
  });

  it('refuses a seal or a keyframe behind a single event without a checkpoint', () => {
    const keyframe = encodeMarkLine('keyframe', { events: 0, stateHash: HASH, hash: HASH, state: '' });
    for (const [name, line] of [
      ['seal', seal],
      ['keyframe', keyframe.trimEnd()],
    ]) {
      const push = begun();
      push('{"seq":0,"type":"reserve-refilled","pages":1}');
      expect(() => push(line)).toThrow(`line 3: ${name} before the checkpoint of its segment`);
    }
  });

  it('tells an error of the program as it is: only what it refuses is an error of the log', () => {
    const push = begun();
    const append = vi.spyOn(EventRows.prototype, 'appendObject').mockImplementation(() => {
      throw new TypeError('a defect');
    });
    try {
      expect(() => push('{"seq":0,"type":"owner-registered","owner":0,"name":"x"}')).toThrow(
        new TypeError('a defect'),
      );
    } finally {
      append.mockRestore();
    }
  });

  it('refuses what is nested too deeply to be told', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const push = begun();
    expect(() => push(`{"seq":${deep}}`)).toThrow(InputError);
    expect(() => begun()(`{"seq":${deep}}`)).toThrow('line 2: JSON nested too deeply');
  });

  it('holds lines of 64 MiB at most, and longer ones only of keyframes', () => {
    const line = new Uint8Array(2 ** 26 + 1);
    const openBytesOf = (bytes: number) => {
      const decoder = new NdjsonDecoder({ version: 2, events: 0, lines: 7 });
      for (const record of decoder.push(line.subarray(0, bytes))) {
        expect.fail(`a line without an end gave ${record.kind}`);
      }
      return decoder.openBytes;
    };
    expect(openBytesOf(2 ** 26)).toBe(2 ** 26);
    expect(() => openBytesOf(2 ** 26 + 1)).toThrow(
      new InputError('line 8: longer than 67108864 bytes, the maximum in an event log'),
    );
    line.set(ENCODER.encode('{"keyframe":'));
    expect(openBytesOf(2 ** 26 + 1)).toBe(2 ** 26 + 1);
  });

  it('lets go of a long line, and reads the next', () => {
    const long = 'x'.repeat(2 ** 20 + 1);
    const decoder = new NdjsonDecoder();
    const push = (text: string) => [...decoder.push(ENCODER.encode(text))];
    push(encodeHeaderLine(header));
    push(`{"seq":0,"time":0,"request":0,"type":"owner-registered","owner":0,"name":"${long}`);
    expect(decoder.openBytes).toBeGreaterThan(2 ** 20);
    push('"}\n');
    expect([decoder.openBytes, decoder.openEvents]).toEqual([0, 1]);
    const [record] = push(encodeMarkLine('checkpoint', checkpointAt(1)));
    expect(record.kind === 'segment' && record.batch.at(0)).toMatchObject({ name: long });
  });
});

describe('NDJSON of schema version 1', () => {
  const first = encodeHeaderLine(header).replace(`"schema":3,"rules":${RULES_REVISION}`, '"schema":1');
  const text = (events: readonly PoolEvent[]) =>
    cut(events, 100)
      .map((batch) => new TextDecoder().decode(encodeEventLines(batch)))
      .join('');
  const decode = (rest: string) => decodeBytes(ENCODER.encode(first + rest), [1000]);

  it("has events and a trailer, and is read as today's", () => {
    const { records } = decode(`${text(EVENTS)}${trailerLine(EVENTS.length)}\n`);
    expect(records[0]).toEqual({ kind: 'header', header: { ...header, rules: 1 }, version: 1 });
    expect(eventsOf(records)).toEqual(EVENTS);
    expect(records.at(-1)).toEqual({ kind: 'trailer', trailer: { events: EVENTS.length, stateHash: HASH } });
    expect(batchesOf(records).length).toBe(1);
  });

  it('has a segment if it has events, also if it was cut off', () => {
    for (const events of [0, 1, 2]) {
      const { records } = decode(`${text(EVENTS.slice(0, events))}${trailerLine(events)}\n\n`);
      const kinds = events === 0 ? ['header', 'trailer'] : ['header', 'segment', 'trailer'];
      expect(records.map(({ kind }) => kind)).toEqual(kinds);
    }
    for (const events of [0, 1, 2]) {
      const { records } = decode(text(EVENTS.slice(0, events)));
      expect(eventsOf(records)).toEqual(EVENTS.slice(0, events));
      expect(records).toHaveLength(events === 0 ? 1 : 2);
    }
  });

  it('gives its events in batches, as many as there are, and those of a log that was cut off', () => {
    const many = batchOf(new Array(8192 * 2 + 5).fill({ type: 'reserve-refilled', pages: 1 }));
    const { records, decoder } = decode(new TextDecoder().decode(encodeEventLines(many)));
    expect(batchesOf(records).map(({ length }) => length)).toEqual([8192, 8192, 5]);
    expect(decoder.openEvents).toBe(0);
    expect(eventsOf(decode(text(EVENTS.slice(0, 9))).records)).toEqual(EVENTS.slice(0, 9));
  });

  it.each([
    ['a checkpoint', `${text(EVENTS.slice(0, 3))}${encodeMarkLine('checkpoint', checkpointAt(3))}`],
    ['a keyframe', encodeMarkLine('keyframe', { events: 0, stateHash: HASH, hash: HASH, state: '' })],
    ['a seal', encodeMarkLine('seal', { events: 0, chain: HASH, stateHash: HASH })],
  ])('has not %s', (what, rest) => {
    expect(() => decode(rest)).toThrow(`unexpected ${what.slice(2)}: schema version 1`);
  });

  it('may have no newline behind its trailer', () => {
    const { records } = decode(`${text(EVENTS.slice(0, 9))}${trailerLine(9)}`);
    expect(eventsOf(records)).toEqual(EVENTS.slice(0, 9));
    expect(records.at(-1)).toEqual({ kind: 'trailer', trailer: { events: 9, stateHash: HASH } });
  });

  it('ends with its trailer, which counts the events before it', () => {
    expect(() => decode(`${text(EVENTS)}${trailerLine(3)}\n`)).toThrow('the log is damaged');
    expect(() => decode(`${trailerLine(0)}\n${text(EVENTS)}`)).toThrow('data after the trailer');
  });
});

describe('Arrow', () => {
  it('round-trips to the same records and the same hash, wherever segments are cut', () => {
    fc.assert(
      fc.property(histories, batchSize, (events, rows) => {
        const content = contentOf(cut(events, rows));
        expectContent(decodeMessages(messagesOf(content)), content);
      }),
      { numRuns: randomRuns(30) },
    );
  });

  it('holds every field of every type of event', () => {
    const batch = batchOf(EXAMPLE_EVENTS);
    const segment = encodeArrowSegment(batch, checkpointAt(batch.length));
    expect(eventsOf(decodeMessages([encodeArrowHeader(header), segment]))).toEqual(EXAMPLE_EVENTS);
  });

  it('is one stream, which any reader of Arrow can read', () => {
    const stream = Buffer.concat([...messagesOf(contentOf(cut(EVENTS, 100))), ARROW_END]);
    const reader = RecordBatchReader.from(stream).open();
    const { schema } = reader;
    const batches = [...reader];
    expect(batches.reduce((rows, batch) => rows + batch.numRows, 0)).toBe(EVENTS.length);
    expect(schema.metadata.get('decpool')).toBe(JSON.stringify(header));
    expect([...batches.at(-1)!.metadata.keys()]).toEqual(['seal']);
  });

  const message = (schema: Schema) =>
    new RecordBatchStreamWriter().writeAll(new Table(schema, [])).toUint8Array(true).slice(0, -8);

  it('refuses a stream that is no event log, or lacks a column', () => {
    const schema = schemaOf(encodeArrowHeader(header));
    expect(decodeArrowHeader(message(schema))).toEqual({ header, version: SCHEMA_VERSION });
    expect(() => decodeArrowHeader(message(new Schema(schema.fields)))).toThrow('without a decpool header');
    const other = schema.fields.map((field, at) => (at === 0 ? field.clone({ type: new Uint16() }) : field));
    for (const fields of [schema.fields.slice(1), other]) {
      expect(() => decodeArrowHeader(message(new Schema(fields, schema.metadata)))).toThrow(
        "column 'type' is missing or not of type Uint8",
      );
    }
    const noJson = new Map([['decpool', '{']]);
    expect(() => decodeArrowHeader(message(new Schema(schema.fields, noJson)))).toThrow('not JSON');
  });

  const CLAIMED = EXAMPLES['pages-claimed'][0];
  const REQUESTED = EXAMPLES['allocation-requested'][0];
  const FREED = EXAMPLES['free-requested'][0];

  /** One event behind five others, with another value in one of its columns. */
  function altered(event: EventBody | PoolEvent, name: 'type' | 'code' | 'pfn', value: number): Uint8Array {
    const columns = columnsOf(batchOf([event], 5));
    columns[name][0] = value;
    return encodeArrowSegment(new EventBatch(columns, 1, 5), checkpointAt(6));
  }
  const decode = (segment: Uint8Array) =>
    decodeArrowMessage(segment, new LogOrder({ version: SCHEMA_VERSION, events: 5 }));

  it.each<[EventBody, 'type' | 'code' | 'pfn', number, string]>([
    [CLAIMED, 'type', EVENT_TYPES.length, `event 5: unknown type code ${EVENT_TYPES.length}`],
    [CLAIMED, 'code', 200, 'event 5 (pages-claimed): unknown code 200'],
    [REQUESTED, 'code', APIS.length, `event 5 (allocation-requested): unknown code ${APIS.length}`],
    [EXAMPLES['conversion-failed'][0], 'code', 8, 'event 5 (conversion-failed): unknown code 8'],
    [EXAMPLES['contiguous-split'][0], 'code', 0, 'event 5 (contiguous-split): unknown code 0'],
    [EXAMPLES['contiguous-split'][0], 'code', 3, 'event 5 (contiguous-split): unknown code 3'],
    [EXAMPLES['large-page-split'][0], 'code', 1, 'event 5 (large-page-split): unknown code 1'],
    [EXAMPLES['slab-created'][0], 'code', 1, 'event 5 (slab-created): unknown code 1'],
    [EXAMPLES['allocation-failed'][0], 'code', 6, 'event 5 (allocation-failed): unknown code 6'],
    // A flag, an alignment and a node that are none; a free has flags only.
    [REQUESTED, 'pfn', 128, 'event 5: a request with unknown attributes 128'],
    [REQUESTED, 'pfn', 13 << 8, 'event 5: a request with unknown attributes 3328'],
    [REQUESTED, 'pfn', 64 << 16, 'event 5: a request with unknown attributes 4194304'],
    [REQUESTED, 'pfn', 2 ** 32 - 1, 'event 5: a request with unknown attributes 4294967295'],
    [FREED, 'pfn', 1 << 8, 'event 5: a request with unknown attributes 256'],
    [FREED, 'pfn', 1 << 16, 'event 5: a request with unknown attributes 65536'],
  ])('refuses %j with %s %i', (event, name, value, told) => {
    const segment = altered(event, name, value);
    expect(() => decode(segment)).toThrow(InputError);
    expect(() => decode(segment)).toThrow(told);
  });

  const CODES = [...new Array(40).keys(), 64, 127, 128, 129, 254, 255];

  it.each(Object.entries(EXAMPLES))('takes nothing that NDJSON could not say: %s', (_, examples) => {
    for (const event of examples) {
      let taken = 0;
      for (const code of CODES) {
        let record: LogRecord;
        try {
          record = decode(altered(event, 'code', code));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          continue;
        }
        taken++;
        const [batch] = batchesOf([record]);
        const decoder = new NdjsonDecoder({ version: SCHEMA_VERSION, events: 5, lines: 6 });
        const checkpoint = ENCODER.encode(encodeMarkLine('checkpoint', checkpointAt(6)));
        const lines = Buffer.concat([encodeEventLines(batch), checkpoint]);
        expect(eventsOf([...decoder.push(lines)])).toEqual([...batch]);
      }
      expect(taken).toBeGreaterThan(0);
      expect(taken).toBeLessThan(20);
    }
  });

  const CONTENT = contentOf(cut(EVENTS, 100));
  const MESSAGES = messagesOf(CONTENT);
  const bare = (batch: EventBatch) => withoutMetadata(encodeArrowSegment(batch, checkpointAt(batch.length)));

  it.each<[string, (messages: Uint8Array[]) => void, string]>([
    ['a missing segment', (all) => all.splice(1, 1), 'the checkpoint counts 200 events'],
    [
      'a segment twice',
      (all) => all.splice(1, 0, all[1]),
      'the checkpoint counts 100 events, but the log has 200',
    ],
    [
      'a segment without its checkpoint',
      (all) => all.splice(1, 1, bare(batchOf(EVENTS.slice(0, 9)))),
      'a segment without',
    ],
    ['a keyframe elsewhere', (all) => all.splice(1, 0, all[3]), 'counts 200 events, but the log has 0'],
    ['a segment after the seal', (all) => all.push(all[1]), 'data after the seal'],
    ['a second seal', (all) => all.push(all.at(-1)!), 'data after the seal'],
    ['no header', (all) => all.shift(), 'a message of the wrong type'],
    ['a second header', (all) => all.splice(1, 0, all[0]), 'a message of the wrong type'],
  ])('refuses %s', (_, change, told) => {
    expect(decodeMessages(MESSAGES)).toHaveLength(MESSAGES.length);
    const copy = [...MESSAGES];
    change(copy);
    expect(() => decodeMessages(copy)).toThrow(InputError);
    expect(() => decodeMessages(copy)).toThrow(told);
  });

  it('refuses more events in a segment than a reader has to hold', () => {
    const many = batchOf(new Array(MAX_SEGMENT_EVENTS + 1).fill({ type: 'reserve-refilled', pages: 1 }));
    const segment = encodeArrowSegment(many, checkpointAt(many.length));
    expect(() => decodeMessages([MESSAGES[0], segment])).toThrow(
      'a segment of 65537 events; expected at most 65536',
    );
  });

  it('of schema version 1 has segments without checkpoints, and no others', () => {
    const order = () => new LogOrder({ version: 1, events: 0 });
    const batch = batchOf(EVENTS.slice(0, 9));
    const record = decodeArrowMessage(bare(batch), order());
    expect(record).toMatchObject({ kind: 'segment', checkpoint: undefined });
    expect(eventsOf([record])).toEqual(EVENTS.slice(0, 9));
    expect(() => decodeArrowMessage(MESSAGES[1], order())).toThrow('unexpected checkpoint: schema version 1');
    expect(() => decodeArrowMessage(MESSAGES.at(-1)!, order())).toThrow('unexpected seal: schema version 1');
  });
});

describe('what stands beside events', () => {
  const keyframe = { events: 1, stateHash: HASH, hash: HASH, state: '' };
  const seal = { events: 1, chain: HASH, stateHash: HASH };
  const checkpoint = checkpointAt(1);

  it.each([
    ['checkpoint', { ...checkpoint, chain: 'xyz' }, "checkpoint after event 1, 'chain'"],
    ['checkpoint', { ...checkpoint, chain: HASH.toUpperCase() }, "after event 1, 'chain'"],
    ['checkpoint', { ...checkpoint, locator: '0000000' }, "after event 1, 'locator'"],
    ['checkpoint', { ...checkpoint, locator: '' }, "after event 1, 'locator'"],
    ['checkpoint', { ...checkpoint, locator: '0'.repeat(8 * 18) }, "after event 1, 'locator'"],
    ['checkpoint', { ...checkpoint, events: 2 }, 'counts 2 events, but the log has 1'],
    ['checkpoint', { ...checkpoint, x: 1 }, 'checkpoint after event 1: '],
    ['keyframe', { ...keyframe, state: 7 }, "after event 1, 'state'"],
    ['keyframe', { ...keyframe, events: 0 }, 'the log is damaged'],
    ['seal', { ...seal, isCutOff: false }, "after event 1, 'isCutOff'"],
    ['seal', { ...seal, stateHash: `${HASH}\n` }, "after event 1, 'stateHash'"],
    ['seal', { ...seal, events: -1 }, "after event 1, 'events'"],
    ['trailer', { events: 1, stateHash: 'xyz' }, "after event 1, 'stateHash'"],
    ['trailer', { events: 1.5, stateHash: HASH }, "after event 1, 'events'"],
    ['trailer', null, 'trailer after event 1: '],
    ['seal', [], 'seal after event 1: '],
  ] as const)('is refused when malformed: %s %j', (name, value, message) => {
    expect(() => parseMark(name, value, 1)).toThrow(InputError);
    expect(() => parseMark(name, value, 1)).toThrow(message);
  });

  it('is read as it was written', () => {
    expect(parseMark('seal', { ...seal, isCutOff: true }, 1)).toEqual({ ...seal, isCutOff: true });
    expect(parseMark('checkpoint', checkpoint, 1)).toEqual(checkpoint);
    expect(parseMark('keyframe', keyframe, 1)).toEqual(keyframe);
  });
});
