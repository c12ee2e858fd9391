import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type EventBatch, InputError, type LogTrailer, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPolicy } from '../compare/run.ts';
import { replay } from '../replay.ts';
import { workload } from '../workloads/workload.ts';
import { LOG_FORMATS, type LogFormat, logFormatNamed } from './format.ts';
import { type LogPart, readLog } from './read.ts';
import { openLogWriter } from './write.ts';

const FORMATS = Object.keys(LOG_FORMATS) as LogFormat[];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A short run: its header, its events in small batches, and what the trailer must say. */
function shortRun() {
  const pool = new Pool({
    memory: freshBoot(64 * 2 ** 20),
    platform: platformNamed('snp'),
    policy: policyNamed('first-fit+page+immediate'),
    batchRows: 5,
  });
  const batches: EventBatch[] = [];
  pool.batches$.subscribe((batch) => batches.push(batch));
  const ring = pool.alloc_pages(3, { owner: 'ring "0"\n\u{1f980}' });
  pool.vmalloc(700, { owner: 'receive buffer', at: 5_000_000_000_000, bytes: 700 * 4096 - 1 });
  pool.free(ring.allocation, 2 ** 52);
  pool.complete();
  return { header: pool.header, batches, trailer: { events: pool.counters.events, stateHash: pool.hash() } };
}

async function writeLog(path: string, format: LogFormat): Promise<ReturnType<typeof shortRun>> {
  const run = shortRun();
  const writer = await openLogWriter(path, format, run.header);
  for (const batch of run.batches) await writer.write(batch);
  await writer.finish(run.trailer);
  return run;
}

async function partsOf(path: string) {
  const parts: LogPart[] = [];
  for await (const part of readLog(path)) parts.push(part);
  return {
    kinds: [...new Set(parts.map(({ kind }) => kind))],
    header: parts.flatMap((part) => (part.kind === 'header' ? [part.header] : [])),
    events: parts.flatMap((part) => (part.kind === 'batch' ? [...part.batch] : [])),
    trailer: parts.flatMap((part): LogTrailer[] => (part.kind === 'trailer' ? [part.trailer] : [])),
  };
}

describe.each(FORMATS)('a log as %s', (format) => {
  const named = (name: string) => join(folder, `${name}-${format}${LOG_FORMATS[format]}`);

  it('gives back its header, every event in order, and its trailer', async () => {
    const { header, batches, trailer } = await writeLog(named('whole'), format);
    expect(batches.length).toBeGreaterThan(3);
    expect(await partsOf(named('whole'))).toEqual({
      kinds: ['header', 'batch', 'trailer'],
      header: [header],
      events: batches.flatMap((batch) => [...batch]),
      trailer: [trailer],
    });
  });

  it('reads the same from a gzip, whatever it is called', async () => {
    const plain = await partsOf(named('whole'));
    const zipped = join(folder, `${format}.log`);
    writeFileSync(zipped, gzipSync(readFileSync(named('whole'))));
    expect(await partsOf(zipped)).toEqual(plain);
  });

  it('folds to the state hash of its run', async () => {
    const result = await replay(named('whole'));
    expect(result.trailer).toEqual({ events: result.events, stateHash: result.stateHash });
  });

  it('has its name only once it is finished', async () => {
    const path = named('unfinished');
    const { header, batches, trailer } = shortRun();
    const writer = await openLogWriter(path, format, header);
    for (const batch of batches) await writer.write(batch);
    expect(existsSync(path)).toBe(false);
    await writer.finish(trailer);
    expect(readdirSync(folder).filter((name) => name.startsWith(`unfinished-${format}`))).toEqual([
      `unfinished-${format}${LOG_FORMATS[format]}`,
    ]);
    expect(readFileSync(path)).toEqual(readFileSync(named('whole')));
  });

  it('is not there when its run failed, not even in part', async () => {
    // 2^20 pages are more than the guest has: the pool refuses the second request as none.
    const requests = [4, 2 ** 20].map((pages, index) => ({
      kind: 'allocate' as const,
      time: 0 as never,
      allocation: (index + 1) as never,
      api: 'vmalloc' as const,
      pages,
      bytes: pages,
      owner: 'a',
    }));
    const run = runPolicy({
      workload: workload({ name: 'too much', description: '', requests, notes: [] }),
      memory: freshBoot(64 * 2 ** 20),
      platform: platformNamed('snp'),
      policy: policyNamed('gfp-decrypted'),
      seed: 1,
      requests: '',
      log: { path: named('failed'), format },
    });
    await expect(run).rejects.toThrow(/^workload 'too much', request 2: .*1048576 pages/);
    expect(readdirSync(folder).filter((name) => name.startsWith(`failed-${format}`))).toEqual([]);
  });

  it('cannot be written where there is no folder', async () => {
    const writer = await openLogWriter(join(folder, 'none', 'a.log'), format, shortRun().header);
    await expect(writer.finish(shortRun().trailer)).rejects.toThrow(/ENOENT/);
    await writer.abort();
  });

  it('that was cut off anywhere is refused by its name, or has no trailer', async () => {
    const whole = readFileSync(named('whole'));
    // The end-of-stream mark of Arrow may be missing, and the last line end of NDJSON.
    const shortest = format === 'arrow' ? 8 : 1;
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - shortest - 1), async (length) => {
        writeFileSync(named('cut'), whole.subarray(0, length));
        const result = await replay(named('cut')).catch((error: unknown) => error);
        if (result instanceof InputError) expect(result.message).toContain(named('cut'));
        else expect(result).toHaveProperty('trailer', undefined);
      }),
      { numRuns: 200 },
    );
  });
});

it('an NDJSON log with damaged events is refused by its name, or still an event log', async () => {
  const path = join(folder, 'damaged.ndjson');
  await writeLog(path, 'ndjson');
  const whole = readFileSync(path);
  const events = whole.indexOf('\n') + 1;
  const trailer = whole.lastIndexOf('{"trailer"');
  const damage = fc.tuple(
    fc.integer({ min: events, max: trailer - 2 }),
    fc.constantFrom(...'0123456789abc,"'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 2 }), async (changes) => {
      const damaged = Buffer.from(whole);
      for (const [at, character] of changes) damaged.write(character, at);
      fc.pre(!damaged.equals(whole));
      writeFileSync(path, damaged);
      const result = await replay(path).catch((error: unknown) => error);
      if (result instanceof InputError) expect(result.message).toContain(path);
      else expect(result).toMatchObject({ trailer: { stateHash: expect.stringMatching(/^[0-9a-f]{64}$/) } });
    }),
    { numRuns: 200 },
  );
});

describe('a damaged Arrow log', () => {
  const path = () => join(folder, 'damaged.arrow');
  let whole: Buffer;
  let stateHash = '';
  beforeAll(async () => {
    stateHash = (await writeLog(path(), 'arrow')).trailer.stateHash;
    whole = readFileSync(path());
  });

  /** What a damaged log gives, if no InputError, must be the same state, or contradict its trailer. */
  async function expectNoticed(at: number, flip: number): Promise<void> {
    const damaged = Buffer.from(whole);
    damaged[at] ^= flip;
    writeFileSync(path(), damaged);
    const result = await replay(path()).catch((error: unknown) => error);
    if (result instanceof InputError) {
      expect(result.message).toContain(path());
      return;
    }
    expect(result).toHaveProperty('stateHash');
    const replayed = result as Awaited<ReturnType<typeof replay>>;
    if (replayed.stateHash === stateHash) return;
    expect(replayed.trailer?.stateHash, `byte ${at} ^ ${flip}`).not.toBe(replayed.stateHash);
  }

  it('is refused or read all the same, whichever byte of its schema is flipped', async () => {
    const schemaBytes = 8 + whole.readInt32LE(4);
    expect(schemaBytes).toBeGreaterThan(1000);
    for (let at = 0; at < schemaBytes; at++) {
      for (const flip of [1 << (at % 8), 0x80, 0xff]) await expectNoticed(at, flip);
    }
  });

  it('is refused, read all the same, or contradicts its trailer, whichever other byte is flipped', async () => {
    const byte = fc.integer({ min: 8 + whole.readInt32LE(4), max: whole.length - 1 });
    const bit = fc.nat(7).map((shift) => 1 << shift);
    await fc.assert(fc.asyncProperty(byte, fc.oneof(bit, fc.constant(0xff)), expectNoticed), {
      numRuns: 2000,
    });
  });
});

it('an unknown format is refused with those there are', () => {
  expect(logFormatNamed('ndjson')).toBe('ndjson');
  expect(() => logFormatNamed('parquet')).toThrow("unknown log format 'parquet'; available: arrow, ndjson");
});
