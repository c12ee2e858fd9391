import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EventBatch, GFP_KERNEL, type PoolEvent, type Seal } from '@decpool/model';
import { EVENT_TYPES, type Field, fieldsOf, gfpName } from '@decpool/model/internal';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLog } from '../log/read.ts';
import { convert } from './convert.ts';
import { EVENT_TABLE } from './event-table.ts';
import { openParquetWriter } from './parquet.ts';
import { batchOf, shortRun } from './testing.ts';

const FIXTURES = fileURLToPath(new URL('../log/fixtures/', import.meta.url));

let folder = '';
let files = 0;
const fresh = () => join(folder, `${files++}.parquet`);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Row = Readonly<Record<string, unknown>>;

const bytesOf = (path: string): ArrayBuffer => {
  const bytes = readFileSync(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
};

/** The rows without what is NULL in them; numbers as numbers. */
async function rowsOf(path: string, columns = EVENT_TABLE.map(({ name }) => name)): Promise<Row[]> {
  const rows = await parquetReadObjects({ file: bytesOf(path), columns });
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).flatMap(([name, value]) =>
        value === null || value === undefined
          ? []
          : [[name, typeof value === 'bigint' ? Number(value) : value]],
      ),
    ),
  );
}

/** What the table must have of an event: its fields, and what follows from them. */
function rowOf(event: PoolEvent, owners: Map<number, string>): Row {
  const { time, offset, unitBytes, converted, ...fields } = event as PoolEvent & Record<string, unknown>;
  if (event.type === 'owner-registered') owners.set(event.owner, event.name);
  const hasFlags = ['allocation-requested', 'free-requested', 'request-skipped'].includes(event.type);
  const row: Record<string, unknown> = {
    ...fields,
    time_ns: time,
    area_offset: offset,
    unit_bytes: unitBytes,
    converted: event.type === 'conversion-failed' ? converted === true : undefined,
    gfp: hasFlags ? ((fields as { gfp?: string }).gfp ?? gfpName(GFP_KERNEL)) : undefined,
    owner_name: 'owner' in event ? owners.get(event.owner) : undefined,
    cache_name: 'cache' in event ? owners.get(event.cache) : undefined,
  };
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
}

const rowsOfEvents = (events: readonly PoolEvent[]): Row[] => {
  const owners = new Map<number, string>();
  return events.map((event) => rowOf(event, owners));
};

const SEAL: Seal = { events: 0, chain: '0'.repeat(64), stateHash: '0'.repeat(64) };

async function writeTable(batches: readonly EventBatch[]): Promise<string> {
  const path = fresh();
  const writer = await openParquetWriter(path, shortRun().header, SEAL);
  for (const batch of batches) await writer.write(batch);
  await writer.finish();
  return path;
}

it.each(['v1-kernel.arrow.gz', 'v1-pool.ndjson.gz', 'v1-realm.ndjson.gz'])(
  'the table of a log has the fields of its events: %s',
  async (name) => {
    const path = fresh();
    await convert(join(FIXTURES, name), path, 'parquet');
    const events: PoolEvent[] = [];
    for await (const part of readLog(join(FIXTURES, name)))
      if (part.kind === 'batch') events.push(...part.batch);
    expect(await rowsOf(path)).toEqual(rowsOfEvents(events));
  },
);

/** Of a field: 0 and the highest number; some names; all names of a choice. */
const valuesOf = ({ kind, bits, max }: Field): readonly unknown[] => {
  if (kind === 'name') return ['', 'nic "0"\u0000\n\u{1f980}'];
  return bits === undefined ? [0, max] : [...bits.keys()];
};

it('an event of every type, with and without what it may leave out, is a row', async () => {
  const events = EVENT_TYPES.flatMap((type) => {
    const fields = Object.entries(fieldsOf(type));
    const all = fields.map(([name, field]) => [name, field, valuesOf(field)] as const);
    const least = all.flatMap(([name, { isOptional }, [first]]) => (isOptional ? [] : [[name, first]]));
    const each = all.flatMap(([name, _, values]) => values.map((value) => [...least, [name, value]]));
    return [least, ...each].map((own) => ({ type, time: 0, request: 1, ...Object.fromEntries(own) }));
  });
  const batch = batchOf(events);
  expect(await rowsOf(await writeTable([batch]))).toEqual(rowsOfEvents([...batch]));
});

it('numbers of any size and order come back, in columns that are full, half empty and of few values', async () => {
  const number = fc.oneof(fc.nat(3), fc.nat(70), fc.integer({ min: 0, max: 0xffffffff }));
  const event = fc.record({
    type: fc.constantFrom('pages-allocated', 'pages-decrypted'),
    wait: fc.oneof(fc.constant(0), fc.nat(1000), fc.nat(2 ** 31), fc.nat(2 ** 45)),
    numbers: fc.tuple(number, number, number, number),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 600, size: 'max' }), async (steps) => {
      let time = 0;
      const batch = batchOf(
        steps.map(({ type, wait, numbers: [request, allocation, pfn, pages] }) => {
          time += wait;
          const fields = type === 'pages-allocated' ? { allocation, pfn, pages } : { pfn, pages };
          return { type, time, request, ...fields } as unknown as PoolEvent;
        }),
      );
      expect(await rowsOf(await writeTable([batch]))).toEqual(rowsOfEvents([...batch]));
    }),
    { numRuns: randomRuns(60) },
  );
});

it('rows come in groups, whatever batches they came in, each with the smallest and largest of its values', async () => {
  const events = Array.from(
    { length: 140_000 },
    (_, index) =>
      ({ type: 'reserve-refilled', time: index * 1e6, request: 0, pages: (index * 7919) % 100_003 }) as const,
  );
  const batches = [];
  for (let from = 0; from < events.length; from += 30_000) {
    batches.push(batchOf(events.slice(from, from + 30_000), from));
  }
  const path = await writeTable(batches);
  const { row_groups: groups, num_rows } = parquetMetadata(bytesOf(path));
  expect(num_rows).toBe(140_000n);
  expect(groups.map((group) => group.num_rows)).toEqual([131_072n, 8_928n]);
  const time = groups.map(({ columns }) => columns[1].meta_data!.statistics!);
  expect(time.map(({ min_value, max_value }) => [min_value, max_value])).toEqual([
    [0n, 131_071_000_000n],
    [131_072_000_000n, 139_999_000_000n],
  ]);
  const rows = await rowsOf(path, ['seq', 'pages']);
  expect(rows).toHaveLength(events.length);
  const wrong = rows.findIndex(({ seq, pages }, index) => seq !== index || pages !== events[index].pages);
  expect(wrong).toBe(-1);
});

it('header and seal are in the metadata of the file', async () => {
  const { header } = shortRun();
  const { key_value_metadata: found } = parquetMetadata(bytesOf(await writeTable([])));
  const values = new Map(found!.map(({ key, value }) => [key, JSON.parse(value!)]));
  expect(values.get('decpool')).toEqual(JSON.parse(JSON.stringify(header)));
  expect(values.get('seal')).toEqual(SEAL);
});

it('the columns are named as SQL names things, the usual ones first', () => {
  const names = EVENT_TABLE.map(({ name }) => name);
  expect(names.slice(0, 10)).toEqual(
    'seq time_ns request type allocation pfn pages bytes owner owner_name'.split(' '),
  );
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
});
