import { type RecordBatch, RecordBatchReader, RecordBatchStreamWriter, Schema } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import type { EventBatch } from '../events/columns.ts';
import { EVENT_TYPES, type EventBody, type PoolEvent } from '../events/types.ts';
import { MIGRATETYPES } from '../memory-state.ts';
import { APIS } from '../requests.ts';
import { Columns } from '../state/columns.ts';
import {
  batchOf,
  EXAMPLE_EVENTS,
  EXAMPLES,
  historyOf,
  SMALL,
  SMALL_MAP,
  smallFrame,
  someChoices,
  type Told,
} from '../testing.ts';
import { arrowSchema, fromArrow, headerFromArrow, toArrow, toArrowTrailer } from './arrow.ts';
import {
  DEFAULT_WORKER_DELAY,
  frameOf,
  type LogHeader,
  logHeader,
  PLAIN_PAGE_SOURCE,
  parseHeader,
} from './header.ts';
import { encodeHeaderLine, encodeLines, encodeTrailerLine, NdjsonDecoder } from './ndjson.ts';
import { parseTrailer } from './trailer.ts';

const perType = <Value>(value: Value) =>
  Object.fromEntries(MIGRATETYPES.map((type) => [type, value])) as Record<
    (typeof MIGRATETYPES)[number],
    Value
  >;

const header: LogHeader = logHeader({
  ...smallFrame('snp', true),
  memory: {
    name: 'small',
    zones: [
      {
        name: 'DMA',
        ram: [[0, SMALL.spanPages]],
        free: perType(new Array(11).fill(0)),
        lowWatermark: 3,
        pageblocks: perType(2),
      },
    ],
    directMap: SMALL_MAP,
  },
  policy: 'first-fit+block+immediate',
  seed: 7,
  workload: { name: 'spec "quoted" ü\n', requests: '' },
});

const CHOICES = someChoices(600);
const EVENTS = historyOf(frameOf(header), SMALL_MAP, CHOICES);
const histories = fc
  .array(fc.nat(2 ** 30), { maxLength: 150, size: 'max' })
  .map((choices) => historyOf(frameOf(header), SMALL_MAP, choices));
const batchSize = fc.integer({ min: 1, max: 50 });

/** The events, cut into batches of `rows`. */
function cut(events: readonly PoolEvent[], rows: number): EventBatch[] {
  const batches: EventBatch[] = [];
  for (let at = 0; at < events.length; at += rows) batches.push(batchOf(events.slice(at, at + rows), at));
  return batches;
}

function hashOf(batches: readonly EventBatch[]): string {
  const columns = new Columns(frameOf(header), header.memory.directMap);
  for (const batch of batches) columns.fold(batch);
  return columns.hash();
}

function linesOf(batches: readonly EventBatch[], stateHash?: string): string[] {
  const trailer =
    stateHash === undefined
      ? ''
      : encodeTrailerLine({ events: batches.reduce((sum, batch) => sum + batch.length, 0), stateHash });
  return `${encodeHeaderLine(header)}${batches.map(encodeLines).join('')}${trailer}`.split('\n').slice(0, -1);
}

function decodeLines(lines: readonly string[], batchRows?: number) {
  const decoder = new NdjsonDecoder(batchRows);
  const batches: EventBatch[] = [];
  const take = (batch: EventBatch | undefined) => void (batch === undefined || batches.push(batch));
  for (const line of lines) take(decoder.push(line));
  take(decoder.finish());
  return { decoder, batches };
}

/** Through bytes and back, as a file would. */
function throughArrow(batches: readonly EventBatch[], stateHash: string) {
  const schema = arrowSchema(header);
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(toArrow(schema, batch));
  writer.write(toArrowTrailer(schema, { events: EVENTS.length, stateHash }));
  writer.finish();
  return RecordBatchReader.from(writer.toUint8Array(true)).open();
}

const eventsOf = (batches: readonly EventBatch[]) => batches.flatMap((batch) => [...batch]);

describe('NDJSON', () => {
  it('round-trips to the same events and the same hash, whatever the batches', () => {
    fc.assert(
      fc.property(histories, batchSize, batchSize, (events, written, read) => {
        const batches = cut(events, written);
        const { decoder, batches: decoded } = decodeLines(linesOf(batches, hashOf(batches)), read);
        expect(eventsOf(decoded)).toEqual(events);
        expect(decoded.every((batch) => batch.length <= read)).toBe(true);
        expect(hashOf(decoded)).toBe(decoder.trailer?.stateHash);
        expect(decoder.header).toEqual(header);
      }),
      { numRuns: 30 },
    );
  });

  it('holds every field of every type of event', () => {
    expect(EXAMPLE_EVENTS.length).toBeGreaterThan(EVENT_TYPES.length);
    const { batches } = decodeLines(linesOf([batchOf(EXAMPLE_EVENTS)]));
    expect(eventsOf(batches)).toEqual(EXAMPLE_EVENTS);
  });

  it('leaves out what is usual: GFP_KERNEL, any node, no alignment, a host that did not convert', () => {
    const plain = EXAMPLES['allocation-requested'][0];
    const [line] = encodeLines(batchOf([{ ...plain, gfp: 'GFP_KERNEL', align: 1 } as Told])).split('\n');
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
    const [failed] = encodeLines(batchOf([EXAMPLES['conversion-failed'][0]])).split('\n');
    expect(failed).not.toContain('converted');
    expect(failed).not.toContain('offset');
  });

  it('writes one JSON object a line, with the names that events have in code', () => {
    const [, first] = linesOf(cut(EVENTS, 100));
    expect(first).toBe('{"seq":0,"time":0,"request":0,"type":"owner-registered","owner":0,"name":"netvsc"}');
  });

  it('is complete only with a trailer; what a torn log holds can be read all the same', () => {
    const torn = decodeLines(linesOf(cut(EVENTS, 100)).slice(0, 50));
    expect(torn.decoder.trailer).toBeUndefined();
    expect(eventsOf(torn.batches)).toEqual(EVENTS.slice(0, 49));
  });

  const lines = linesOf(cut(EVENTS, 100), '0'.repeat(64));
  const mangled = (change: (lines: string[]) => void) => {
    const copy = [...lines];
    change(copy);
    return () => decodeLines(copy);
  };

  it.each<[string, (lines: string[]) => void, string]>([
    ['a line cut short', (all) => all.splice(3, 1, all[3].slice(0, 20)), 'not JSON: '],
    ['an empty line', (all) => all.splice(3, 0, ''), 'not JSON'],
    ['a missing line', (all) => all.splice(3, 1), 'event 3 comes where event 2 is next'],
    ['a line twice', (all) => all.splice(3, 0, all[3]), 'event 2 comes where event 3 is next'],
    ['a missing line before the trailer', (all) => all.splice(-2, 1), 'the log is torn'],
    ['lines after the trailer', (all) => all.push(all[1]), 'goes on after its trailer'],
    ['no header', (all) => all.shift(), 'header is wrong'],
    ['null', (all) => all.splice(1, 1, 'null'), 'event undefined comes where event 0 is next'],
    ['an array', (all) => all.splice(1, 1, '[]'), 'event undefined comes where event 0 is next'],
  ])('refuses %s', (_, change, message) => {
    expect(mangled(change)).toThrow(InputError);
    expect(mangled(change)).toThrow(message);
  });

  it.each([
    ['{"seq":0,"type":"no-such-type"}', 'unknown event type "no-such-type"; known: owner-registered'],
    ['{"seq":0,"type":"constructor"}', 'unknown event type "constructor"'],
    ['{"seq":0,"type":"__proto__"}', 'unknown event type "__proto__"'],
    ['{"seq":0}', 'unknown event type undefined'],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"x":1}', "unknown field 'x'"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"__proto__":{}}', "unknown field '__proto__'"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"constructor":1}', "unknown field 'constructor'"],
    ['{"seq":0,"type":"pages-returned","pfn":1}', "'pages' must be a whole number from 0 to 4294967295"],
    ['{"seq":0,"type":"pages-returned","pfn":-1,"pages":1}', "'pfn' must be"],
    ['{"seq":0,"type":"pages-returned","pfn":1.5,"pages":1}', "'pfn' must be"],
    ['{"seq":0,"type":"pages-returned","pfn":"1","pages":1}', "'pfn' must be"],
    ['{"seq":0,"type":"pages-returned","pfn":4294967296,"pages":1}', "'pfn' must be"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"time":-1}', "'time' must be whole ns"],
    ['{"seq":0,"type":"pages-returned","pfn":1,"pages":1,"request":0.5}', "'request' must be"],
    ['{"seq":0,"type":"large-page-split","pfn":0,"level":1}', "'level' must be 2 (2M) or 3 (1G)"],
    ['{"seq":0,"type":"pages-claimed","pfn":0,"pages":1,"migratetype":"Fixed"}', 'must be one of Unmovable'],
    ['{"seq":0,"type":"pages-claimed","pfn":0,"pages":1,"migratetype":["CMA"]}', 'must be one of Unmovable'],
    ['{"seq":0,"type":"owner-registered","owner":65536,"name":"x"}', "'owner' must be"],
    ['{"seq":0,"type":"owner-registered","owner":0,"name":7}', "'name' must be a string"],
  ])('refuses %s', (line, message) => {
    const decoder = new NdjsonDecoder();
    decoder.push(lines[0]);
    expect(() => decoder.push(line)).toThrow(InputError);
    expect(() => decoder.push(line)).toThrow(message);
    decoder.push(lines[1]);
    expect(eventsOf([decoder.finish()!])).toEqual([EVENTS[0]]);
  });
});

describe('Arrow', () => {
  it('round-trips to the same events and the same hash, whatever the batches', () => {
    fc.assert(
      fc.property(histories, batchSize, (events, written) => {
        const batches = cut(events, written);
        const reader = throughArrow(batches, hashOf(batches));
        expect(headerFromArrow(reader.schema)).toEqual(header);
        const decoded: EventBatch[] = [];
        let seq = 0;
        for (const recordBatch of reader) {
          if (recordBatch.metadata.has('trailer')) continue;
          const read = fromArrow(recordBatch, seq);
          if ('trailer' in read) throw new Error('an early trailer');
          decoded.push(read.batch);
          seq += read.batch.length;
        }
        expect(eventsOf(decoded)).toEqual(events);
        expect(hashOf(decoded)).toBe(hashOf(batches));
      }),
      { numRuns: 30 },
    );
  });

  it('holds every field of every type of event', () => {
    const [record] = throughArrow([batchOf(EXAMPLE_EVENTS)], '0'.repeat(64));
    const read = fromArrow(record, 0);
    expect('batch' in read && [...read.batch]).toEqual(EXAMPLE_EVENTS);
  });

  it('ends with a trailer that counts the events before it', () => {
    const hash = 'a'.repeat(64);
    const last = [...throughArrow(cut(EVENTS, 4096), hash)].at(-1)!;
    expect(fromArrow(last, EVENTS.length)).toEqual({ trailer: { events: EVENTS.length, stateHash: hash } });
    expect(() => fromArrow(last, EVENTS.length - 1)).toThrow('the log is torn');
  });

  it('refuses a stream that is no event log, or lacks a column', () => {
    const schema = arrowSchema(header);
    expect(() => headerFromArrow(new Schema(schema.fields))).toThrow('it has no decpool header');
    expect(() => headerFromArrow(new Schema(schema.fields.slice(1), schema.metadata))).toThrow(
      "the log's column 'type' is missing or not of type Uint8",
    );
    const noJson = new Map([['decpool', '{']]);
    expect(() => headerFromArrow(new Schema(schema.fields, noJson))).toThrow('not JSON');
  });

  const CLAIMED = EXAMPLES['pages-claimed'][0];
  const REQUESTED = EXAMPLES['allocation-requested'][0];
  const FREED = EXAMPLES['free-requested'][0];

  it.each<[EventBody, 'type' | 'code' | 'pfn', number, string]>([
    [CLAIMED, 'type', EVENT_TYPES.length, `event 5 has the unknown type code ${EVENT_TYPES.length}`],
    [CLAIMED, 'code', 200, 'event 5 (pages-claimed) has the unknown code 200'],
    [REQUESTED, 'code', APIS.length, `event 5 (allocation-requested) has the unknown code ${APIS.length}`],
    [EXAMPLES['conversion-failed'][0], 'code', 8, 'event 5 (conversion-failed) has the unknown code 8'],
    [EXAMPLES['contiguous-split'][0], 'code', 0, 'event 5 (contiguous-split) has the unknown code 0'],
    [EXAMPLES['contiguous-split'][0], 'code', 3, 'event 5 (contiguous-split) has the unknown code 3'],
    [EXAMPLES['large-page-split'][0], 'code', 1, 'event 5 (large-page-split) has the unknown code 1'],
    [EXAMPLES['slab-created'][0], 'code', 1, 'event 5 (slab-created) has the unknown code 1'],
    [EXAMPLES['allocation-failed'][0], 'code', 6, 'event 5 (allocation-failed) has the unknown code 6'],
    // A flag, an alignment and a node that are none; a free has flags only.
    [REQUESTED, 'pfn', 64, 'event 5 is a request with unknown attributes 64'],
    [REQUESTED, 'pfn', 13 << 8, 'event 5 is a request with unknown attributes 3328'],
    [REQUESTED, 'pfn', 64 << 16, 'event 5 is a request with unknown attributes 4194304'],
    [REQUESTED, 'pfn', 2 ** 32 - 1, 'event 5 is a request with unknown attributes 4294967295'],
    [FREED, 'pfn', 1 << 8, 'event 5 is a request with unknown attributes 256'],
    [FREED, 'pfn', 1 << 16, 'event 5 is a request with unknown attributes 65536'],
  ])('refuses %j with %s %i', (event, name, value, message) => {
    const schema = arrowSchema(header);
    const record = toArrow(schema, batchOf([event]));
    record.getChild(name)!.data[0].values[0] = value;
    expect(() => fromArrow(record as RecordBatch, 5)).toThrow(InputError);
    expect(() => fromArrow(record as RecordBatch, 5)).toThrow(message);
  });

  it.each(EXAMPLE_EVENTS)('takes nothing that NDJSON could not say: $type', (event) => {
    const schema = arrowSchema(header);
    for (let code = 0; code < 256; code++) {
      const record = toArrow(schema, batchOf([event]));
      record.getChild('code')!.data[0].values[0] = code;
      let read: ReturnType<typeof fromArrow>;
      try {
        read = fromArrow(record as RecordBatch, 0);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        continue;
      }
      if ('trailer' in read) throw new Error('no trailer was written');
      expect(eventsOf(decodeLines(linesOf([read.batch])).batches)).toEqual([...read.batch]);
    }
  });
});

describe('a header', () => {
  const asRead = () => JSON.parse(JSON.stringify(header));

  it('is read as it was written', () => {
    expect(parseHeader(asRead())).toEqual(header);
  });

  it('says how the page source works and when the worker runs, also where nobody told', () => {
    expect(header.pageSource).toEqual(PLAIN_PAGE_SOURCE);
    expect(header.workerDelay).toBe(DEFAULT_WORKER_DELAY);
    expect(header).not.toHaveProperty('faults');
    expect(header).not.toHaveProperty('swiotlb');
  });

  it('is read as it was written with all that can be left out', () => {
    const { decpool, schema, memory, ...rest } = header;
    const full = logHeader({
      ...rest,
      memory: { ...memory, zones: memory.zones.map((zone) => ({ ...zone, node: 1 })) },
      workerDelay: 0,
      pageSource: { kernel: '7.x', perCpuLists: true, compaction: true },
      swiotlb: { bytes: 2 ** 26, dynamic: true },
      faults: { seed: 1, decrypt: 0.5, encrypt: 1, converted: 0, retries: 3 },
    });
    const read = parseHeader(JSON.parse(JSON.stringify(full)));
    expect(read).toEqual(full);
    expect(encodeHeaderLine(read)).toBe(encodeHeaderLine(full));
    expect([decpool, schema]).toEqual([full.decpool, full.schema]);
  });

  it('is refused when it is made of parts that are none', () => {
    const { decpool: _, schema: __, ...parts } = header;
    expect(() => logHeader({ ...parts, seed: -1 })).toThrow("wrong at 'seed'");
  });

  it('holds nothing that differs from run to run', () => {
    expect(encodeHeaderLine(parseHeader(asRead()))).toBe(encodeHeaderLine(header));
  });

  it.each<[string, (header: ReturnType<typeof asRead>) => void, string]>([
    [
      'another schema version',
      (h) => Object.assign(h, { schema: 2 }),
      'schema version 2; this program reads 1',
    ],
    ['no schema version', (h) => delete h.schema, "wrong at 'schema'"],
    ['something else altogether', (h) => Object.assign(h, { decpool: 'x' }), "wrong at 'decpool'"],
    ['an unknown key', (h) => Object.assign(h, { host: 'x' }), 'host'],
    ['an unknown platform', (h) => Object.assign(h.platform, { name: 'sgx' }), "wrong at 'platform.name'"],
    [
      'host calls of no kind',
      (h) => Object.assign(h.platform.hostCalls, { kind: 'x' }),
      'platform.hostCalls',
    ],
    [
      'a geometry that is none',
      (h) => Object.assign(h.geometry, { pagesPerBlock: 500 }),
      'pagesPerBlock is 500',
    ],
    ['ten orders', (h) => h.memory.zones[0].free.CMA.pop(), "wrong at 'memory.zones.0.free.CMA'"],
    ['a level that is none', (h) => h.memory.directMap.push([0, 1, 4]), "wrong at 'memory.directMap.4"],
    ['granules of 8 KiB', (h) => Object.assign(h.platform, { granulePages: 2 }), 'platform.granulePages'],
    ['stray reads of no kind', (h) => Object.assign(h.platform, { strayRead: '' }), 'platform.strayRead'],
    ['a vmalloc address of no kind', (h) => delete h.platform.vmallocAddress, 'platform.vmallocAddress'],
    ['no worker delay', (h) => delete h.workerDelay, "wrong at 'workerDelay'"],
    ['a kernel that is none', (h) => Object.assign(h.pageSource, { kernel: '5.x' }), 'pageSource.kernel'],
    ['an unknown setting', (h) => Object.assign(h.pageSource, { magic: true }), "wrong at 'pageSource'"],
    ['bounce buffers of no size', (h) => Object.assign(h, { swiotlb: { dynamic: true } }), 'swiotlb.bytes'],
    ['faults without a seed', (h) => Object.assign(h, { faults: { decrypt: 0 } }), "wrong at 'faults.seed'"],
    [
      'faults more often than always',
      (h) => Object.assign(h, { faults: { seed: 1, decrypt: 1.5, encrypt: 0, converted: 0, retries: 0 } }),
      "wrong at 'faults.decrypt'",
    ],
    ['a negative node', (h) => Object.assign(h.memory.zones[0], { node: -1 }), 'memory.zones.0.node'],
    ['a negative seed', (h) => Object.assign(h, { seed: -1 }), "wrong at 'seed'"],
    ['a direct map beyond its memory', (h) => h.memory.directMap.push([0, 2 ** 40, 1]), 'direct map'],
    ['RAM beyond its geometry', (h) => h.memory.zones[0].ram.push([0, 2 ** 40]), 'RAM'],
  ])('is refused with %s', (_, change, message) => {
    const wrong = asRead();
    change(wrong);
    expect(() => parseHeader(wrong)).toThrow(InputError);
    expect(() => parseHeader(wrong)).toThrow(message);
  });

  it.each([null, undefined, 7, 'x', [], {}])('is not %j', (value) => {
    expect(() => parseHeader(value)).toThrow(InputError);
  });

  it('has no prototype keys', () => {
    const text = JSON.stringify(header).replace('{', '{"__proto__":{"seed":1},');
    const parsed = (() => {
      try {
        return parseHeader(JSON.parse(text));
      } catch (error) {
        return error;
      }
    })();
    expect(parsed instanceof InputError || Object.getPrototypeOf(parsed) === Object.prototype).toBe(true);
  });
});

describe('a trailer', () => {
  it('is refused when malformed', () => {
    expect(() => parseTrailer({ events: 1, stateHash: 'xyz' }, 1)).toThrow("wrong at 'stateHash'");
    expect(() => parseTrailer({ events: -1, stateHash: 'a'.repeat(64) }, 1)).toThrow("wrong at 'events'");
    expect(() => parseTrailer({ events: 1, stateHash: 'a'.repeat(64), x: 1 }, 1)).toThrow(InputError);
    expect(() => parseTrailer(null, 1)).toThrow(InputError);
  });
});
