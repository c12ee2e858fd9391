import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type EventBatch, InputError, platformNamed } from '@decpool/model';
import { encodeEventLines } from '@decpool/model/internal';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replay } from '../rerun/replay.ts';
import { policyOf } from '../rerun/rerun.ts';
import { verifyLog } from '../rerun/verify.ts';
import { churn } from '../workloads/churn.ts';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { readLog } from './read.ts';
import { recoverLog } from './recover.ts';
import { type Run, writeLog } from './testing.ts';
import { crashLogName, inBatches } from './testing-crash-batches.ts';
import { openLogWriter, UnwrittenError } from './write.ts';

const WRITER = fileURLToPath(new URL('./testing-crash-writer.ts', import.meta.url));
/** Decides how each log is written and when its writer is killed; where exactly that hits it, the machine decides. */
const SEED = 20;

let folder = '';
let writer = '';
let source = '';
let run: Run;
let events: EventBatch;
let lines: Buffer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  writer = await bundled(WRITER);
  run = realRun();
  [events] = run.batches;
  lines = Buffer.from(encodeEventLines(events));
  source = join(folder, 'source.ndjson');
  await writeLog(source, 'ndjson', run);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A program in one folder of plain JavaScript: it starts in a tenth of the time, and there are many to be started. */
async function bundled(program: string): Promise<string> {
  // The bundler that is there with tsx, which translates every program here.
  const tsx = createRequire(import.meta.url).resolve('tsx');
  const bundler = createRequire(tsx)('esbuild') as { build(options: object): Promise<unknown> };
  const [outdir, platform, format] = [join(folder, 'bundled'), 'node', 'esm'];
  await bundler.build({ entryPoints: [program], bundle: true, splitting: true, outdir, platform, format });
  await writeFile(join(outdir, 'package.json'), '{"type":"module"}');
  return join(outdir, basename(program).replace(/\.ts$/, '.js'));
}

/** A run of some thousand requests, its events in one batch. */
function realRun(): Run {
  const pool = new Pool({
    memory: freshBoot(512 * 2 ** 20),
    platform: platformNamed('snp'),
    policy: policyNamed('linux-7.3'),
    batchRows: 2 ** 16,
  });
  const batches: EventBatch[] = [];
  pool.batches$.subscribe((batch) => batches.push(batch));
  for (const request of churn.generate().requests.slice(0, 2500)) pool.request(request);
  pool.complete();
  return { header: pool.header, batches, events: pool.counters.events, stateHash: pool.hash() };
}

/** How a writer writes, and when it is killed. */
interface Kill {
  readonly sizes: readonly number[];
  readonly keyframeEvents: number;
  readonly when:
    | { readonly log: number; readonly reports: number; readonly milliseconds: number }
    | { readonly write: number; readonly microseconds: number }
    | { readonly share: number };
}

const SMALL = fc.integer({ min: 1, max: 400 });
const LARGE = fc.integer({ min: 2000, max: 20_000 });
const HOW = {
  sizes: fc
    .tuple(fc.array(fc.oneof(SMALL, LARGE), { maxLength: 6 }), LARGE)
    .map(([some, one]) => [...some, one]),
  keyframeEvents: fc.constantFrom(1, 500, 3000),
};
/** So long after it has said so often that events of this log are flushed. */
const AFTER_REPORTS = fc.record({
  ...HOW,
  when: fc.record({ log: fc.nat(1), reports: fc.nat(9), milliseconds: fc.nat(9) }),
});
/** So long after it began to write, mostly before it has written all. */
const WHILE_IT_WRITES = fc.record({
  ...HOW,
  sizes: fc.array(LARGE, { minLength: 1, maxLength: 3 }),
  when: fc.record({ write: fc.nat(6), microseconds: fc.nat(600) }),
});
/** When it has so much of a log and can write no further: files may not grow. */
const WHERE_IT_STICKS = fc.record({
  ...HOW,
  when: fc.record({ share: fc.integer({ min: 50, max: 999 }).map((permille) => permille / 1000) }),
});

/** What a writer said until it was killed: events flushed by log, and logs that it finished. */
interface Said {
  readonly flushed: ReadonlyMap<number, number>;
  readonly finished: ReadonlySet<number>;
}

/** Starts a writer and kills it. `bytes`: of a log that it finishes. */
async function killed({ when, ...how }: Kill, into: string, format: LogFormat, bytes: number): Promise<Said> {
  const death = 'write' in when ? `${when.write}:${when.microseconds}` : '-1:0';
  const most = 'share' in when ? String(Math.floor((when.share * bytes) / LIMIT_BYTES)) : 'unlimited';
  const args = [source, into, format, String(how.keyframeEvents), death, ...how.sizes.map(String)];
  const child = spawn('sh', ['-c', `ulimit -f ${most}; exec "$@"`, 'sh', process.execPath, writer, ...args]);
  const exited = once(child, 'exit');
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const flushed = new Map<number, number>();
  const finished = new Set<number>();
  let reports = 0;
  for await (const line of createInterface(child.stdout)) {
    const [log, what] = line.split(' ');
    if (line.startsWith('InputError')) child.kill('SIGKILL');
    else if (what === 'finished') finished.add(Number(log));
    else flushed.set(Number(log), Number(what));
    if ('log' in when && Number(log) >= when.log && reports++ === when.reports) {
      void setTimeout(when.milliseconds).then(() => child.kill('SIGKILL'));
    }
  }
  const [, signal] = await exited;
  expect(signal, stderr).toBe('SIGKILL');
  return { flushed, finished };
}

/** What ulimit counts files in. */
const LIMIT_BYTES = 512;

/** What became of the log that was being written. */
type Fate = 'torn' | 'at a segment' | 'without a header' | 'sealed' | 'between two logs';

/** Holds what is on disk against what the writer said, and against what it would have written undisturbed. */
async function expectSaved(said: Said, whole: Buffer, into: string, format: LogFormat): Promise<Fate> {
  const name = (log: number) => join(into, crashLogName(log, format));
  let log = 0;
  for (; existsSync(name(log)); log++) expect(readFileSync(name(log)).equals(whole)).toBe(true);
  for (const finished of said.finished) expect(finished).toBeLessThan(log);

  const partial = `${name(log)}.partial`;
  const promised = said.flushed.get(log) ?? 0;
  if (!existsSync(partial)) {
    expect(promised).toBe(0);
    return 'between two logs';
  }
  const written = readFileSync(partial);
  expect(whole.subarray(0, written.length).equals(written)).toBe(true);

  const out = join(into, `recovered${LOG_FORMATS[format]}`);
  const recovered = await recoverLog(partial, out).catch((error: unknown) => {
    if (error instanceof InputError) return error.message;
    throw error;
  });
  expect(readFileSync(partial).equals(written)).toBe(true);
  if (typeof recovered === 'string') {
    expect(existsSync(out)).toBe(false);
    if (recovered.includes('the log is complete')) {
      expect((await replay(partial)).seal?.stateHash).toBe(run.stateHash);
      return 'sealed';
    }
    expect(recovered).toMatch(/: (is empty; expected an event log|ends inside its header)/);
    expect(promised).toBe(0);
    return 'without a header';
  }
  const { seal, torn, damage } = recovered;
  expect(damage).toBeUndefined();
  expect(seal.isCutOff).toBe(true);
  expect(seal.events).toBeGreaterThanOrEqual(promised);
  await expectFirstEvents(out, seal.events);
  expect(torn).toEqual(await tornIn(written, format));
  const checks = await verifyLog(out, { every: 0, policy: policyOf });
  expect(checks.filter(({ verdict }) => verdict === 'wrong')).toEqual([]);
  return torn.events > 0 || torn.bytes > 0 ? 'torn' : 'at a segment';
}

/** The bytes of a log that a writer writes when it is not killed. */
async function undisturbed({ sizes, keyframeEvents }: Kill, into: string, format: LogFormat) {
  const path = join(into, `undisturbed${LOG_FORMATS[format]}`);
  await writeLog(path, format, { ...run, batches: inBatches(events, sizes) }, { keyframeEvents });
  return readFileSync(path);
}

/** The log holds so many of the run's events, to the last byte. */
async function expectFirstEvents(path: string, count: number): Promise<void> {
  const found: Buffer[] = [];
  let seen = 0;
  for await (const part of readLog(path)) {
    if (part.kind !== 'batch') continue;
    found.push(Buffer.from(encodeEventLines(part.batch)));
    seen += part.batch.length;
  }
  expect(seen).toBe(count);
  const bytes = Buffer.concat(found);
  expect(lines.subarray(0, bytes.length).equals(bytes)).toBe(true);
}

/** What is behind the last whole segment or keyframe, counted another way than the readers do. */
async function tornIn(written: Buffer, format: LogFormat): Promise<{ events: number; bytes: number }> {
  if (format === 'ndjson') return tornLines(written.toString('latin1').split('\n'));
  const { arrowMetadataBytes, ARROW_PREFIX_BYTES, checkMessage } = await import('@decpool/model/arrow');
  for (let at = 0; ; ) {
    const rest = written.subarray(at);
    const none = { events: 0, bytes: rest.length };
    if (rest.length < ARROW_PREFIX_BYTES) return none;
    const body = ARROW_PREFIX_BYTES + arrowMetadataBytes(rest.subarray(0, ARROW_PREFIX_BYTES));
    if (body === ARROW_PREFIX_BYTES || rest.length < body) return none;
    const { rows, bodyBytes } = checkMessage(rest.subarray(ARROW_PREFIX_BYTES, body), at === 0);
    if (rest.length < body + bodyBytes) return { events: rows, bytes: rest.length };
    at += body + bodyBytes;
  }
}

function tornLines(all: readonly string[]): { events: number; bytes: number } {
  const last = all.at(-1) ?? '';
  const isWhole = last.endsWith('}') && isJson(last);
  const whole = isWhole ? all : all.slice(0, -1);
  const mark = whole.findLastIndex((line, at) => at === 0 || /^\{"(checkpoint|keyframe)"/.test(line));
  return { events: whole.length - 1 - mark, bytes: isWhole ? 0 : last.length };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const FORMATS = Object.keys(LOG_FORMATS) as LogFormat[];

describe.each(FORMATS)('a writer of %s that is killed', (format) => {
  async function fatesOf(kills: readonly Kill[]): Promise<Fate[]> {
    const fates: Fate[] = [];
    const next = kills.entries();
    const killSome = async () => {
      for (const [index, kill] of next) {
        const into = mkdtempSync(join(folder, 'killed-'));
        try {
          const whole = await undisturbed(kill, into, format);
          const said = await killed(kill, into, format, whole.length);
          fates.push(await expectSaved(said, whole, into, format));
        } catch (error) {
          const which = `seed ${SEED}, kill ${index}: ${JSON.stringify(kill)}`;
          throw new Error(`${which}: ${error instanceof Error ? error.message : error}`, { cause: error });
        }
        rmSync(into, { recursive: true });
      }
    };
    await Promise.all([killSome(), killSome()]);
    expect(fates.length).toBe(kills.length);
    return fates;
  }

  it('some time after it said that events are flushed has saved them, and all before them', async () => {
    const fates = await fatesOf(fc.sample(AFTER_REPORTS, { seed: SEED, numRuns: 6 }));
    expect(fates).toContain('at a segment');
  });

  it('while it writes has saved all that it wrote before', async () => {
    const fates = await fatesOf(fc.sample(WHILE_IT_WRITES, { seed: SEED, numRuns: 5 }));
    expect(fates).not.toContain('sealed');
  });

  it('in the middle of a segment or a keyframe has saved all before it, and what is torn is told', async () => {
    const fates = await fatesOf(fc.sample(WHERE_IT_STICKS, { seed: SEED, numRuns: 5 }));
    expect(new Set(fates)).toEqual(new Set(['torn']));
  });
});

/** Whether file systems may be mounted here. Where not, these specs are skipped: on a real disk they would fill it. */
function mounted(path: string, size: string): boolean {
  mkdirSync(path);
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]).status === 0;
}
const disk = mkdtempSync(join(tmpdir(), 'decpool-disk-'));
const isMounted = mounted(join(disk, 'full'), '256k');
afterAll(() => {
  if (isMounted) spawnSync('umount', ['-l', join(disk, 'full')]);
  rmSync(disk, { recursive: true });
});

describe.skipIf(!isMounted).each(FORMATS)('a disk that %s fills', (format) => {
  const full = (name: string) => join(disk, 'full', `${name}${LOG_FORMATS[format]}`);
  const elsewhere = join(disk, `saved${LOG_FORMATS[format]}`);
  afterAll(() => {
    for (const name of readdirSync(join(disk, 'full'))) rmSync(join(disk, 'full', name));
  });

  it('is told with what is whole, and that is saved elsewhere', async () => {
    const writer = await openLogWriter(full('run'), format, run.header);
    let error: unknown;
    for (const batch of inBatches(events, [700])) {
      error = await writer.write(batch).catch((reason: unknown) => reason);
      if (error !== undefined) break;
    }
    await writer.close();
    expect(error).toBeInstanceOf(UnwrittenError);
    const { flushed, partial } = writer;
    expect(String(error)).toContain(
      `${partial}: cannot be written: no space left; to save its first ${flushed} events, run: decpool recover ${partial}`,
    );
    expect(flushed).toBeGreaterThan(700);

    const { seal, torn } = await recoverLog(partial, elsewhere);
    expect(seal).toMatchObject({ events: flushed, isCutOff: true });
    expect(torn.bytes).toBeGreaterThan(0);
    await expectFirstEvents(elsewhere, flushed);
  });

  it('has no room for what is saved, and then nothing is left of it', async () => {
    const before = readFileSync(`${full('run')}.partial`);
    const saved = recoverLog(`${full('run')}.partial`, full('saved'));
    await expect(saved).rejects.toThrow(/saved\..*\.partial: cannot be written: no space left/);
    expect(readdirSync(join(disk, 'full'))).toEqual([`run${LOG_FORMATS[format]}.partial`]);
    expect(readFileSync(`${full('run')}.partial`).equals(before)).toBe(true);
  });

  it('takes no header, and then there is no log', async () => {
    const opened = openLogWriter(full('late'), format, run.header);
    await expect(opened).rejects.toThrow(/late\..*\.partial: cannot be written: no space left$/);
    expect(readdirSync(join(disk, 'full'))).toEqual([`run${LOG_FORMATS[format]}.partial`]);
  });
});

describe.each(FORMATS)('two writers of one log as %s', (format) => {
  it('are one too many: the second is refused, and the first goes on undisturbed', async () => {
    const path = join(folder, `contested${LOG_FORMATS[format]}`);
    const [first, second] = inBatches(events, [1000]);
    const writer = await openLogWriter(path, format, run.header);
    await writer.write(first);
    await expect(openLogWriter(path, format, run.header)).rejects.toThrow(
      `${path}.partial: already exists; wait for the run that writes it, or save its events with 'decpool recover' and remove it`,
    );
    await writer.write(second);
    expect(await writer.finish()).toMatchObject({ events: 2000 });
    await expectFirstEvents(path, 2000);
    expect(existsSync(`${path}.partial`)).toBe(false);
  });
});
