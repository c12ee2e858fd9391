import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AllocateRequest, GFP, InputError, type Request } from '@decpool/model';
import { REQUEST_FILE_COLUMNS } from '@decpool/model/arrow';
import { APIS, MIGRATETYPES } from '@decpool/model/internal';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { withFrees } from '../../workloads/request-list.ts';
import { requestsHash } from '../../workloads/requests-hash.ts';
import { decompressed } from '../decompressed.ts';
import { parseSharedExpression } from '../shared-expression.ts';
import { TraceRequests } from '../trace-requests.ts';
import { BATCH_ROWS, checksumOf, RequestBatches, RequestRows } from './columns.ts';
import { isRequestsFile, readRequestsFile } from './read.ts';
import { RequestsWriter } from './write.ts';

const FLAGS = Object.values(GFP).reduce((all, flag) => all | flag, 0);
const id = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const time = fc.nat();
const cpu = fc.integer({ min: 1, max: 255 });
const power = (most: number) => fc.nat(most).map((log2) => 2 ** log2);

const requests = fc.array(
  fc.oneof(
    fc.record(
      {
        ...{ kind: fc.constant('allocate'), time, allocation: id, api: fc.constantFrom(...APIS) },
        ...{ pages: id, bytes: id, owner: fc.constantFrom('nvme', 'netvsc', '', 'ü "x"') },
        ...{ gfp: fc.nat(FLAGS), node: fc.nat(62), align: power(12), cpu },
      },
      {
        noNullPrototype: true,
        requiredKeys: ['kind', 'time', 'allocation', 'api', 'pages', 'bytes', 'owner'],
      },
    ),
    fc.record(
      { kind: fc.constant('free'), time, allocation: id, gfp: fc.nat(FLAGS), cpu },
      { noNullPrototype: true, requiredKeys: ['kind', 'time', 'allocation'] },
    ),
    fc.record(
      { kind: fc.constantFrom('map-user', 'unmap-user'), time, allocation: id },
      { noNullPrototype: true },
    ),
    fc.record(
      {
        ...{ kind: fc.constant('background-allocate'), time, key: id, order: fc.nat(10) },
        ...{ migratetype: fc.constantFrom(...MIGRATETYPES), cpu },
      },
      { noNullPrototype: true, requiredKeys: ['kind', 'time', 'key', 'order', 'migratetype'] },
    ),
    fc.record(
      { kind: fc.constant('background-free'), time, key: id, cpu },
      { noNullPrototype: true, requiredKeys: ['kind', 'time', 'key'] },
    ),
  ),
  { maxLength: 40 },
) as fc.Arbitrary<Request[]>;

const folder = mkdtempSync(join(tmpdir(), 'decpool-requests-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = (end = '.arrow') => join(folder, `${++files}${end}`);

const HEADER = { name: 'boot', format: 'dma-trace', description: 'Some.' } as const;
const FACTS = { sanity: new TraceRequests().report(), notes: ['a note'] };

async function written(path: string, all: readonly Request[]): Promise<void> {
  const writer = await RequestsWriter.open(path);
  await writer.begin(HEADER);
  for (const request of all) writer.add(request);
  const seal = await writer.finish(FACTS);
  expect([seal.requests, writer.count]).toEqual([all.length, all.length]);
  expect(seal.sha256).toBe(requestsHash({ requests: all }));
}

/** What a file holds, and what was given to its reader in which order. */
async function read(path: string, options = {}) {
  const found: Request[] = [];
  const order: string[] = [];
  const facts = await readRequestsFile(decompressed(createReadStream(path)), path, options, {
    add: (request) => void found.push(request),
    drain: async () => void order.push(`drain ${found.length}`),
    begin: async ({ name }) => void order.push(`begin ${name}`),
  });
  return { found, order, facts };
}

const freed = (allocation: number, at = 0) => ({ kind: 'free', time: at, allocation }) as unknown as Request;
const asked = (allocation: number, owner: string) =>
  ({
    ...{ kind: 'allocate', time: 0, allocation, api: 'vmalloc' },
    ...{ pages: 1, bytes: 1, owner },
  }) as unknown as AllocateRequest;

describe('rows of requests', () => {
  it('come to the requests that they were made of, whatever is left out in these', () => {
    fc.assert(
      fc.property(requests, requests, (some, more) => {
        const batches = new RequestBatches();
        const rows = new RequestRows();
        for (const part of [some, more]) {
          for (const request of part) expect(batches.add(request)).toBeUndefined();
          const { columns, length, names } = batches.take();
          const { requests: found, names: read } = rows.read(columns, length, (row) => names.get(row) ?? '');
          expect(found).toStrictEqual(part);
          expect(read).toEqual(names);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('are in batches of 65,536; a name stands once, at the first row of its owner', () => {
    const batches = new RequestBatches();
    let early = 0;
    for (let row = 0; row < BATCH_ROWS - 1; row++) if (batches.add(freed(row)) !== undefined) early++;
    expect(early).toBe(0);
    const full = batches.add(asked(7, 'nvme'));
    expect([full?.length, [...(full?.names ?? [])]]).toEqual([65_536, [[65_535, 'nvme']]]);
    for (const owner of ['nvme', 'netvsc', 'nvme', 'netvsc']) batches.add(asked(8, owner));
    const { length, names } = batches.take();
    expect([length, [...names]]).toEqual([4, [[1, 'netvsc']]]);
    expect(batches.take().length).toBe(0);
  });

  it('have room for ids of 32 bits and for 65,536 owners', () => {
    const batches = new RequestBatches();
    batches.add(freed(2 ** 32 - 1));
    expect(() => batches.add(freed(2 ** 32))).toThrow('more than 4294967295 allocations');
    for (let owner = 0; owner < 2 ** 16; owner++) batches.add(asked(1, String(owner)));
    expect(() => batches.add(asked(1, 'one more'))).toThrow('more than 65536 owners');
  });

  it.each([
    ['kind', 6, 'unknown kind 6'],
    ['code', APIS.length, `unknown interface ${APIS.length}`],
    ['owner', 2, 'unknown owner 2'],
  ] as const)('with another %s are refused with their number: %i', (column, value, message) => {
    const rows = new RequestRows();
    const batch = () => {
      const batches = new RequestBatches();
      for (const request of [asked(1, 'nvme'), asked(2, 'nvme')]) batches.add(request);
      return batches.take().columns;
    };
    rows.read(batch(), 2, () => 'nvme');
    const wrong = batch();
    wrong[column][1] = value;
    expect(() => rows.read(wrong, 2, () => 'nvme')).toThrow(new InputError(`request 3: ${message}`));
  });

  it('of others with an unknown migratetype are refused', () => {
    const batches = new RequestBatches();
    batches.add({ kind: 'background-allocate', time: 0, key: 1, order: 0, migratetype: 'CMA' } as never);
    const { columns } = batches.take();
    columns.code[0] = MIGRATETYPES.length;
    expect(() => new RequestRows().read(columns, 1, () => '')).toThrow('request 0: unknown migratetype');
  });

  it('have another checksum if any of them, or a name, or what was before is another', () => {
    const batchOf = (owner: string) => {
      const batches = new RequestBatches();
      for (const request of [freed(1), asked(2, owner)]) batches.add(request);
      return batches.take();
    };
    const sum = (batch = batchOf('nvme'), before = 0) => checksumOf(batch, REQUEST_FILE_COLUMNS, before);
    const sums = [sum(), sum(batchOf('netvsc')), sum(undefined, 1)];
    for (const column of REQUEST_FILE_COLUMNS) {
      for (const row of [0, 1]) {
        const batch = batchOf('nvme');
        batch.columns[column][row] += 1;
        sums.push(sum(batch));
      }
    }
    expect(new Set(sums).size).toBe(sums.length);
    // What lies behind the rows is not in the file.
    const batch = batchOf('nvme');
    batch.columns.pages[2] = 9;
    expect(sum(batch)).toBe(sum());
  });
});

/** Where a link points; one that is gone by now points nowhere. */
function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** The messages of an Arrow stream; the last one ends it. */
function messagesOf(bytes: Buffer): Buffer[] {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at += 8) if (bytes.readInt32LE(at) === -1) starts.push(at);
  return starts.map((start, index) => bytes.subarray(start, starts[index + 1]));
}

describe('a file of requests', () => {
  it('gives back what was written, packed or not', async () => {
    for (const end of ['.arrow', '.arrow.gz']) {
      for (const all of [[], ...fc.sample(requests, { numRuns: 3, seed: 7 })]) {
        const path = newPath(end);
        await written(path, all);
        const { found, order, facts } = await read(path);
        expect(found).toEqual(all);
        expect(order).toEqual(['begin boot', ...(all.length > 0 ? [`drain ${all.length}`] : [])]);
        expect(facts).toEqual({
          ...{ name: 'boot', format: { name: 'dma-trace', description: 'Some.' } },
          ...FACTS,
        });
        expect(existsSync(`${path}.partial`)).toBe(false);
        expect([...readFileSync(path).subarray(0, 2)]).toEqual(
          end === '.arrow' ? [0xff, 0xff] : [0x1f, 0x8b],
        );
      }
    }
  });

  it('is known by its first bytes, of which none is lost', async () => {
    const path = newPath();
    await written(path, [freed(1)]);
    const parts = async function* (...all: readonly Uint8Array[]) {
      yield* all;
    };
    const found = await isRequestsFile(parts(readFileSync(path), Buffer.of(1)));
    expect(found.isFile).toBe(true);
    const bytes: Buffer[] = [];
    for await (const part of found.bytes) bytes.push(Buffer.from(part));
    expect(Buffer.concat(bytes)).toEqual(Buffer.concat([readFileSync(path), Buffer.of(1)]));
    for (const other of [[Buffer.from('text')], [Buffer.of(0xff, 0)], [Buffer.of(0, 0xff)], []])
      expect((await isRequestsFile(parts(...other))).isFile).toBe(false);
  });

  it('has the frees that are known late among the requests, and nothing else is left', async () => {
    const path = newPath();
    const all = [asked(1, 'nvme'), asked(2, 'nvme'), asked(3, 'nvme'), freed(2, 50)];
    const late = [
      { time: 20, allocation: 1 },
      { time: 70, allocation: 3 },
    ] as never;
    const writer = await RequestsWriter.open(path);
    await writer.begin(HEADER);
    for (const request of all) writer.add(request);
    const seal = await writer.finishWith(late, HEADER, FACTS);
    const expected = [...withFrees(all, late)];
    expect(expected).toHaveLength(6);
    expect(seal.requests).toBe(6);
    expect((await read(path)).found).toEqual(expected);
    expect([existsSync(`${path}.partial`), existsSync(`${path}.partial.1`)]).toEqual([false, false]);
  });

  it('leaves nothing behind if it cannot be written a second time', async () => {
    const path = newPath();
    const writer = await RequestsWriter.open(path);
    await writer.begin(HEADER);
    for (const request of [asked(1, 'nvme'), asked(2, 'nvme')]) writer.add(request);
    const late = [{ time: 20, allocation: 1 }] as never;
    // No number of this kind is JSON.
    const failed = writer.finishWith(late, { ...HEADER, name: 1n as never }, FACTS);
    await expect(failed).rejects.toBeInstanceOf(TypeError);
    expect(readdirSync(folder).filter((name) => join(folder, name).startsWith(path))).toEqual([]);
  });

  it('is the same with no late frees as one that is finished', async () => {
    const [path, other] = [newPath(), newPath()];
    await written(other, [freed(1)]);
    const writer = await RequestsWriter.open(path);
    await writer.begin(HEADER);
    writer.add(freed(1));
    await writer.finishWith([], HEADER, FACTS);
    expect(readFileSync(path)).toEqual(readFileSync(other));
  });

  it('is refused if any of its bytes is another, and says where', async () => {
    const path = newPath();
    await written(path, [asked(1, 'nvme'), freed(1, 5)]);
    const bytes = readFileSync(path);
    const message = async (change: (copy: Buffer) => Uint8Array, options = {}) => {
      writeFileSync(path, change(Buffer.from(bytes)));
      try {
        await read(path, options);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return (error as Error).message.replace(path, 'FILE');
      }
      return 'read';
    };
    const altered = (text: string, to: string) => (copy: Buffer) => {
      copy.write(to, copy.indexOf(text));
      return copy;
    };
    expect(await message((copy) => copy)).toBe('read');
    expect(await message(altered('nvme', 'mvme'))).toBe(
      'FILE: after 2 requests: the checksum of a batch does not match: the file was altered',
    );
    expect(await message(altered('"requests":2,"crc32"', '"requests":3,"crc32"'))).toBe(
      'FILE: after 2 requests: the checksum of a batch does not match: the file was altered',
    );
    expect(await message(altered('"requests":2,"sha256"', '"requests":3,"sha256"'))).toBe(
      'FILE: after 2 requests: the seal counts 3 requests',
    );
    expect(await message((copy) => copy.subarray(0, copy.length - 200))).toMatch(
      /^FILE: cut off: it has no seal/,
    );
    expect(await message(altered('"schema":1', '"schema":2'))).toMatch(/^FILE: in its header: header: /);
    expect(await message((copy) => copy, { shared: parseSharedExpression('order>=1') })).toBe(
      'FILE: --shared chooses among page allocations of a trace, and these are requests, chosen by no --shared; convert the trace again with another --shared',
    );
  });

  it('has a header, batches and a seal, and nothing behind it', async () => {
    const path = newPath();
    await written(path, [asked(1, 'nvme'), freed(1, 5)]);
    const [header, batch, seal, end] = messagesOf(readFileSync(path));
    const message = async (...parts: readonly Uint8Array[]) => {
      writeFileSync(path, Buffer.concat(parts));
      const text = await read(path).then(
        ({ found }) => `${found.length} requests`,
        ({ message }) => message,
      );
      return text.replace(path, 'FILE');
    };
    const CUT_OFF = 'FILE: cut off: it has no seal; convert the trace again';
    const DAMAGED = 'damaged or not written by decpool: a message';
    expect(await message(header, batch, seal, end)).toBe('2 requests');
    expect(await message(header, batch, seal)).toBe('2 requests');
    expect(await message(header, batch, end)).toBe(CUT_OFF);
    expect(await message(header)).toBe(CUT_OFF);
    expect(await message()).toBe(CUT_OFF);
    expect(await message(header, batch, seal, batch, end)).toBe(
      'FILE: after 2 requests: data behind the seal',
    );
    expect(await message(header, seal, end)).toBe('FILE: after 0 requests: the seal counts 2 requests');
    expect(await message(header, batch, batch, seal, end)).toBe(
      'FILE: after 4 requests: the checksum of a batch does not match: the file was altered',
    );
    expect(await message(batch, seal, end)).toBe(`FILE: in its header: ${DAMAGED} of the wrong type`);
    expect(await message(header, header, batch, seal, end)).toBe(
      `FILE: after 0 requests: ${DAMAGED} of the wrong type`,
    );
    expect(await message(Buffer.from('no arrow'))).toBe(
      `FILE: in its header: ${DAMAGED} begins without its continuation mark`,
    );
  });

  it('holds more than one batch, each written once', async () => {
    const path = newPath();
    const writer = await RequestsWriter.open(path);
    await writer.begin(HEADER);
    const counts: number[] = [];
    for (let allocation = 1; allocation <= BATCH_ROWS + 1; allocation++) {
      writer.add(freed(allocation));
      if (allocation < BATCH_ROWS - 1) continue;
      await writer.drain();
      counts.push(writer.count);
    }
    expect(counts).toEqual([0, BATCH_ROWS, BATCH_ROWS]);
    expect((await writer.finish(FACTS)).requests).toBe(BATCH_ROWS + 1);
  });

  it('is whole if the system takes a few bytes at a time, and on the disk before it has its name', async () => {
    const [path, other] = [newPath(), newPath()];
    await written(other, [asked(1, 'nvme'), freed(1, 5)]);
    const handle = await open(other);
    type Write = (bytes: Uint8Array, at: number, length: number) => Promise<unknown>;
    const prototype: { write: Write; sync: FileHandle['sync'] } = Object.getPrototypeOf(handle);
    await handle.close();
    const { write, sync } = prototype;
    const named: boolean[] = [];
    prototype.write = function (bytes, at, length) {
      return write.call(this, bytes, at, Math.min(length, 100));
    };
    prototype.sync = async function (this: FileHandle) {
      named.push(existsSync(path));
      await sync.call(this);
    };
    try {
      await written(path, [asked(1, 'nvme'), freed(1, 5)]);
    } finally {
      Object.assign(prototype, { write, sync });
    }
    expect(readFileSync(path)).toEqual(readFileSync(other));
    expect(named).toEqual([false]);
  });

  it('that cannot have its name is told with why, and so is one that cannot be written', async () => {
    const path = newPath();
    mkdirSync(path);
    await expect(written(path, [])).rejects.toThrow(
      new RegExp(`^${path}: cannot be written: EISDIR: illegal operation on a directory, rename`),
    );
    const closed = await RequestsWriter.open(newPath());
    await closed.abort();
    await expect(closed.begin(HEADER)).rejects.toThrow(/\d\.arrow: cannot be written: file closed$/);
    await expect(closed.begin(HEADER)).rejects.toBeInstanceOf(InputError);
  });

  const DESCRIPTORS = '/proc/self/fd';
  it.skipIf(!existsSync(DESCRIPTORS))('is closed once it is finished or stopped', async () => {
    const late = [{ time: 20, allocation: 1 }] as never;
    for (const end of ['finish', 'finishWith', 'abort'] as const) {
      const path = newPath();
      const writer = await RequestsWriter.open(path);
      await writer.begin(HEADER);
      writer.add(asked(1, 'nvme'));
      if (end === 'finish') await writer.finish(FACTS);
      else if (end === 'finishWith') await writer.finishWith(late, HEADER, FACTS);
      else await writer.abort();
      const targets = readdirSync(DESCRIPTORS).map((fd) => linkAt(join(DESCRIPTORS, fd)));
      expect(targets.filter((target) => target.startsWith(path))).toEqual([]);
    }
  });

  it('stays if it is stopped after it was finished', async () => {
    const path = newPath();
    const writer = await RequestsWriter.open(path);
    await writer.begin(HEADER);
    await writer.finish(FACTS);
    await writer.abort();
    expect((await read(path)).found).toEqual([]);
  });

  it('is written by one run at a time, and one that stops leaves nothing', async () => {
    const path = newPath();
    const writer = await RequestsWriter.open(path);
    await expect(RequestsWriter.open(path)).rejects.toThrow(`${path}.partial: already exists`);
    await writer.begin(HEADER);
    await writer.abort();
    expect([existsSync(path), existsSync(`${path}.partial`)]).toEqual([false, false]);
    await expect(RequestsWriter.open(join(folder, 'no', 'folder'))).rejects.toThrow(InputError);
  });
});
