import { createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, deflateRawSync } from 'node:zlib';
import { Columns, InputError, type LogHeader, machineOf } from '@decpool/model';
import {
  COUNTER_NAMES,
  encodeMarkLine,
  encodeState,
  MIGRATETYPES,
  RULES_REVISION,
  SCHEMA_VERSION,
} from '@decpool/model/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replay } from '../rerun/replay.ts';
import { Chain } from './chain.ts';
import { openLog } from './open.ts';
import { foldBytes, shortRun } from './testing.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = shortRun();
const HEADER = `${JSON.stringify(run.header)}\n`;

const refusal = async (read: Promise<unknown>): Promise<string> => {
  const result = await read.catch((error: unknown) => error);
  expect(result).toBeInstanceOf(InputError);
  const { message } = result as InputError;
  expect(message.length).toBeLessThan(2500);
  return message;
};
const refusalOf = (...lines: readonly string[]) =>
  refusal(replay(written('hostile.ndjson', `${HEADER}${lines.join('\n')}\n`)));

function written(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Most memory that a reading took beyond what there was, in bytes; typed arrays are not part of the heap. */
async function memoryOf(read: () => Promise<unknown>): Promise<number> {
  const inUse = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const before = inUse();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, inUse());
  }, 2);
  await read().catch(() => {});
  clearInterval(timer);
  return Math.max(most, inUse()) - before;
}

describe('keys of prototypes', () => {
  const event = '"seq":0,"time":0,"request":0,"type":"owner-registered","owner":0,"name":"a"';

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
    'are no fields of anything: %s',
    async (key) => {
      const text = JSON.stringify(run.header);
      for (const hostile of [
        `{"${key}":{"polluted":true},${text.slice(1)}`,
        text.replace('"geometry":{', `"geometry":{"${key}":{"polluted":true},`),
        text.replace('"zones":[{', `"zones":[{"${key}":{"polluted":true},`),
      ]) {
        const result = await foldBytes(Buffer.from(`${hostile}\n`)).catch((error: unknown) => error);
        if (!(result instanceof InputError)) expect(result).toMatchObject({ events: 0, seal: undefined });
      }
      expect(await refusalOf(`{${event},"${key}":{"polluted":true}}`)).toMatch(
        new RegExp(`line 2: owner-registered: unknown field '${key}'`),
      );
      expect(await refusalOf(`{"seq":0,"type":"${key}"}`)).toContain(`line 2: unknown event type '${key}'`);
      expect(await refusalOf(`{"${key}":{"events":0}}`)).toContain("line 2: 'seq' is undefined; expected 0");
      const mark = `{"seal":{"events":0,"chain":"","stateHash":"","${key}":1}}`;
      expect(await refusalOf(mark)).toContain("line 2: seal after event 0, 'chain'");
      expect({}).not.toHaveProperty('polluted');
    },
  );
});

describe('numbers beyond all measure', () => {
  it.each([
    [
      '{"seq":0,"type":"pages-claimed","pfn":4294967295,"pages":4294967295,"migratetype":"CMA"}',
      'are not inside',
    ],
    ['{"seq":0,"type":"pages-claimed","pfn":1e999,"pages":1,"migratetype":"CMA"}', "'pfn' must be"],
    ['{"seq":0,"type":"owner-registered","owner":1e308,"name":""}', "'owner' must be"],
    ['{"seq":1e300,"type":"reserve-refilled","pages":1}', "'seq' is 1e+300; expected 0"],
    ['{"seq":0,"type":"user-mapped","allocation":4294967295,"request":1}', 'was never requested'],
    ['{"seq":0,"type":"slab-destroyed","allocation":1,"slab":4294967295}', 'was never requested'],
  ])('are refused in an event: %s', async (line, message) => {
    const old = HEADER.replace(`"schema":3,"rules":${RULES_REVISION}`, '"schema":1');
    expect(await refusal(replay(written('numbers.ndjson', `${old}${line}\n`)))).toContain(message);
  });

  const withHeader = (change: (header: LogHeader) => unknown) =>
    written('header.ndjson', `${JSON.stringify(change(run.header))}\n`);

  it.each<[string, (header: LogHeader) => unknown, string]>([
    [
      'pages',
      (h) => ({ ...h, geometry: { ...h.geometry, spanPages: 2 ** 40 } }),
      'spanPages is 1099511627776',
    ],
    [
      'blocks',
      (h) => ({ ...h, geometry: { ...h.geometry, blocksPerRegion: 2 ** 30 } }),
      'blocksPerRegion is',
    ],
    [
      'a page size',
      (h) => ({ ...h, geometry: { ...h.geometry, pageShift: 1e9 } }),
      'pageShift is 1000000000',
    ],
    [
      'a direct map',
      (h) => ({ ...h, memory: { ...h.memory, directMap: [[0, 2 ** 52, 1]] } }),
      'where the geometry ends',
    ],
    [
      'free chunks',
      (h) => ({
        ...h,
        memory: { ...h.memory, zones: h.memory.zones.map((zone) => ({ ...zone, free: ALL_FREE })) },
      }),
      'free pages, more than the',
    ],
    [
      'retries',
      (h) => ({ ...h, faults: { seed: 1, decrypt: 1, encrypt: 1, converted: 0, retries: 1e9 } }),
      'retries',
    ],
  ])('are refused in a header: %s', async (_, change, message) => {
    expect(await refusal(replay(withHeader(change)))).toContain(message);
  });

  const ALL_FREE = Object.fromEntries(
    MIGRATETYPES.map((type) => [type, [...new Array(10).fill(0), 2 ** 50]]),
  );

  it('take no memory where they are only told: a terabyte, bounce buffers, a list of the host', async () => {
    const path = withHeader((header) => ({
      ...header,
      geometry: { ...header.geometry, spanPages: 2 ** 28 },
      swiotlb: { bytes: 2 ** 50, dynamic: true },
      workerDelay: 2 ** 52,
      platform: { ...header.platform, hostCalls: { kind: 'page-state-list', entries: 2 ** 52 } },
    }));
    expect(await memoryOf(() => replay(path))).toBeLessThan(2 ** 28);
    expect(await replay(path)).toMatchObject({ events: 0, seal: undefined });
  });

  it('are refused in what stands beside events', async () => {
    const hash = '0'.repeat(64);
    for (const events of ['9007199254740991', '4e9', '1e999', '-1']) {
      const seal = `{"seal":{"events":${events},"chain":"${hash}","stateHash":"${hash}"}}`;
      expect(await refusalOf(seal)).toMatch(/(the seal counts|seal after event 0, 'events':) /);
      const checkpoint = `{"checkpoint":{"events":${events},"chain":"${hash}","locator":"00000000"}}`;
      expect(await refusalOf(checkpoint)).toMatch(
        /(the checkpoint counts|checkpoint after event 0, 'events':) /,
      );
      const path = written('marks.ndjson', `${HEADER}${checkpoint}\n${seal}\n`);
      const log = await openLog(path).catch((error: unknown) => {
        expect(error).toBeInstanceOf(InputError);
      });
      if (log === undefined) continue;
      await refusal(log.seek(log.events));
      await log.close();
    }
  });
});

describe('lines that no log has', () => {
  const DEEP = 100_000;

  it('are refused when they are nested, however deep and wherever', async () => {
    const nested = `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`;
    const objects = `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`;
    for (const deep of [nested, objects]) {
      for (const line of [
        deep,
        `{"seq":${deep}}`,
        `{"seq":0,"type":${deep}}`,
        `{"seq":0,"type":"owner-registered","owner":0,"name":${deep}}`,
        `{"seal":${deep}}`,
        `{"checkpoint":{"events":${deep}}}`,
      ]) {
        expect(await refusalOf(line)).toMatch(/: line 2: /);
      }
      expect(await refusal(replay(written('deep.ndjson', `${deep}\n`)))).toMatch(/: line 1: /);
      const header = HEADER.replace('"policy":', `"policy":${deep},"x":`);
      expect(await refusal(replay(written('deep.ndjson', header)))).toMatch(/: line 1: /);
    }
  });

  it('are refused with a short message, however long their keys and names are', async () => {
    const long = 'x'.repeat(2 ** 20);
    expect(await refusalOf(`{"seq":"${long}"}`)).toContain("'seq' is \"xxx");
    expect(await refusalOf(`{"seq":0,"type":"${long}"}`)).toContain("unknown event type 'xxx");
    expect(await refusalOf(`{"seq":0,"type":"owner-registered","${long}":1}`)).toContain(
      "unknown field 'xxx",
    );
    expect(await refusalOf(long)).toContain('not JSON: xxx');
    const keys = Array.from({ length: 50_000 }, (_, index) => `"k${index}":1`).join(',');
    expect(await refusal(replay(written('keys.ndjson', `{"schema":2,${keys}}\n`)))).toContain('line 1: ');
  });

  it('are refused when they do not end, before they are held', async () => {
    const path = join(folder, 'endless.ndjson');
    const spaces = Buffer.alloc(2 ** 20, 'x');
    await pipeline(
      Readable.from(
        (function* () {
          yield Buffer.from(HEADER);
          for (let i = 0; i < 100; i++) yield spaces;
        })(),
      ),
      createWriteStream(path),
    );
    expect(await refusal(replay(path))).toContain(`${path}: line 2: longer than 67108864 bytes`);
  });
});

describe('a gzip that grows a thousandfold', () => {
  /** A log's header and so many MiB of one byte behind it. */
  async function bomb(name: string, filler: string | number, megabytes: number): Promise<string> {
    const path = join(folder, name);
    const piece = Buffer.alloc(2 ** 20, filler as string);
    await pipeline(
      Readable.from(
        (function* () {
          yield Buffer.from(HEADER);
          for (let i = 0; i < megabytes; i++) yield piece;
        })(),
      ),
      createGzip(),
      createWriteStream(path),
    );
    expect(statSync(path).size).toBeLessThan(megabytes * 1100);
    return path;
  }

  it.each<[string, string | number]>([
    ['spaces', ' '],
    ['zeros', 0],
    ['empty lines', '\n'],
  ])('is refused without being held: %s', async (name, filler) => {
    const path = await bomb(`${name}.gz`, filler, 120);
    let message = '';
    const memory = await memoryOf(async () => {
      message = await refusal(replay(path));
    });
    expect(message).toMatch(/expands more than 200 times|longer than 67108864/);
    expect(memory).toBeLessThan(3 * 2 ** 27);
    expect(await refusal(openLog(path))).toMatch(/expands more than 200 times|longer than/);
  });
});

describe('names that look like paths', () => {
  it('are names: nothing is opened', async () => {
    const header = {
      ...run.header,
      policy: '../../../../etc/passwd',
      workload: { name: '/dev/zero', requests: '../..' },
      memory: { ...run.header.memory, name: '\\\\server\\share' },
    };
    const path = written('paths.ndjson', `${JSON.stringify(header)}\n`);
    const result = await replay(path);
    expect(result.header).toMatchObject({ policy: header.policy, workload: header.workload });
    expect(result.events).toBe(0);
  });
});

describe('a keyframe that was made to do harm', () => {
  /** A log of a header, no events and this state as its keyframe; what vouches for it is right. */
  function withKeyframe(state: Uint8Array | string, events = 0): string {
    const packed = typeof state === 'string' ? state : deflateRawSync(state, { level: 9 }).toString('base64');
    const chain = new Chain({ header: run.header, version: SCHEMA_VERSION });
    const [batch] = shortRun().batches;
    const checkpoint = { ...chain.append(batch.slice(0, 0)), events };
    const stateHash = '0'.repeat(64);
    const hash = chain.keyframeHash({ stateHash, state: packed });
    const keyframe = encodeMarkLine('keyframe', { events, stateHash, hash, state: packed });
    return written('keyframe.ndjson', HEADER + encodeMarkLine('checkpoint', checkpoint) + keyframe);
  }

  async function seek(path: string, events = 0): Promise<Columns> {
    const log = await openLog(path);
    try {
      return await log.seek(events);
    } finally {
      await log.close();
    }
  }
  const fresh = () => new Columns(machineOf(run.header), run.header.memory.directMap);

  it('is read when it holds a state', async () => {
    expect((await seek(withKeyframe(encodeState(fresh())))).hash()).toBe(fresh().hash());
  });

  it('is refused when its state unpacks to much more than a state has', async () => {
    const path = withKeyframe(Buffer.alloc(2 ** 28));
    expect(statSync(path).size).toBeLessThan(2 ** 20);
    expect(await refusal(seek(path))).toMatch(
      /keyframe\.ndjson: invalid keyframe: its state cannot be unpacked: /,
    );
    expect(await memoryOf(() => seek(path))).toBeLessThan(2 ** 28);
  });

  it.each([
    ['nothing', ''],
    ['no base64', '\u{1f980}'],
    ['nothing deflated', Buffer.from('state').toString('base64')],
    ['something else', deflateRawSync(Buffer.from('not a state')).toString('base64')],
  ])('is refused when its state is %s', async (_, state) => {
    expect(await refusal(seek(withKeyframe(state)))).toContain('keyframe.ndjson: ');
  });

  it('takes no memory for billions of allocations that it only says there were', async () => {
    const events = 2 ** 32 - 1;
    const bytes = encodeState(fresh());
    const view = new DataView(bytes.buffer);
    for (const name of ['events', 'lastAllocation', 'extents', 'slabs'] as const) {
      view.setFloat64(4 + COUNTER_NAMES.indexOf(name) * 8, events, true);
    }
    const path = withKeyframe(bytes, events);
    let columns = fresh();
    const memory = await memoryOf(async () => {
      columns = await seek(path, events);
    });
    expect(columns.counters.lastAllocation).toBe(events);
    expect(memory).toBeLessThan(2 ** 27);
  });
});

describe('an Arrow message that lies about itself', () => {
  const prefix = (bytes: number) => {
    const message = Buffer.alloc(8);
    message.writeUInt32LE(0xffffffff, 0);
    message.writeInt32LE(bytes, 4);
    return message;
  };
  let log: Buffer;
  let headerBytes = 0;
  beforeAll(async () => {
    const codec = await import('@decpool/model/arrow');
    const chain = new Chain({ header: run.header, version: SCHEMA_VERSION });
    const [batch] = run.batches;
    const header = codec.encodeArrowHeader(run.header);
    headerBytes = header.length;
    log = Buffer.concat([header, codec.encodeArrowSegment(batch, chain.append(batch)), codec.ARROW_END]);
  });

  it.each([2 ** 31 - 1, 2 ** 29, -1, -(2 ** 31)])('is refused with %d bytes of metadata', async (bytes) => {
    const path = written('a.arrow', Buffer.concat([log.subarray(0, headerBytes), prefix(bytes)]));
    expect(await refusal(replay(path))).toBe(
      `${path}: after 0 events: damaged or not written by decpool: a message of ${bytes} bytes`,
    );
    expect(await refusal(replay(written('b.arrow', prefix(bytes))))).toContain('in its header: ');
  });

  it('seems cut off, and takes no memory, when it only says that there is more', async () => {
    const path = written(
      'c.arrow',
      Buffer.concat([log.subarray(0, headerBytes), prefix(2 ** 28), Buffer.alloc(64)]),
    );
    expect(await memoryOf(() => replay(path))).toBeLessThan(2 ** 26);
    expect(await replay(path)).toMatchObject({ events: 0, seal: undefined, torn: { bytes: 72 } });
  });

  it('is refused, or seems cut off, and takes no memory, whichever number of its metadata is giant', async () => {
    const metadataBytes = log.readInt32LE(headerBytes + 4);
    let refused = 0;
    const most = await memoryOf(async () => {
      for (let at = headerBytes + 8; at < headerBytes + 8 + metadataBytes; at += 4) {
        for (const value of [0x7fffffff, -1, 2 ** 24]) {
          const giant = Buffer.from(log);
          giant.writeInt32LE(value, at);
          const result = await foldBytes(giant).catch((error: unknown) => error);
          if (result instanceof Error) {
            expect(result).toBeInstanceOf(InputError);
            refused++;
          } else expect(result).toMatchObject({ seal: undefined });
        }
      }
    });
    expect(refused).toBeGreaterThan(100);
    expect(most).toBeLessThan(2 ** 28);
  });
});
