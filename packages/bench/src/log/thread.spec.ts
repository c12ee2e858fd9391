import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFile } from './byte-file.ts';
import { initialColumns } from './fold.ts';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { type LogPart, type LogStart, partsHere, type ReadOptions } from './parts.ts';
import { placesIn } from './places.ts';
import { partsIn } from './read.ts';
import { shortRun, writeLog } from './testing.ts';
import { partsFromThread } from './thread.ts';

const FORMATS = Object.keys(LOG_FORMATS) as LogFormat[];
const RUN = shortRun(60);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function written(format: LogFormat): Promise<string> {
  const path = join(folder, `log${LOG_FORMATS[format]}`);
  await writeLog(path, format, RUN, { keyframeEvents: 40 });
  return path;
}

async function* here(path: string, options: ReadOptions, start?: LogStart): AsyncGenerator<LogPart> {
  const file = await openFile(path);
  try {
    yield* partsHere(file, options, start);
  } finally {
    await file.close();
  }
}

interface Told {
  readonly goesOn?: boolean;
  readonly skipsKeyframes?: boolean;
  readonly start?: LogStart;
  readonly fold?: (part: LogPart) => void;
}

/** All that a reader meets and calls, in order, and the error that ends it. */
async function told(
  read: typeof here,
  path: string,
  { goesOn = false, skipsKeyframes = false, start, fold }: Told = {},
): Promise<unknown[]> {
  const all: unknown[] = [];
  const onBroken = (found: string) => all.push(['broken', found]);
  const onRead = (done: number, size: number) => all.push(['read', done, size]);
  try {
    const options = { skipsKeyframes, onRead, ...(goesOn ? { onBroken } : {}) };
    for await (const part of read(path, options, start)) {
      fold?.(part);
      all.push(part.kind === 'batch' ? { ...part, batch: [...part.batch] } : part);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    all.push((error as InputError).message);
  }
  return all;
}

/** As few threads as will do: each takes a second to start from the sources. */
describe.each(FORMATS)('a thread that reads %s', (format) => {
  it('sends what reading in this thread gives, which folds to the state of the run', async () => {
    const path = await written(format);
    const whole = await told(here, path);
    // Far more than may wait.
    expect(whole.length).toBeGreaterThan(60);
    const columns = initialColumns(RUN.header);
    const fold = (part: LogPart) => part.kind === 'batch' && columns.fold(part.batch);
    expect(await told(partsFromThread, path, { fold })).toEqual(whole);
    expect(columns.hash()).toBe(RUN.stateHash);
  });

  it('goes on behind what was altered, and says at the same place and in the same words what is wrong', async () => {
    const path = await written(format);
    const bytes = readFileSync(path);
    const name = bytes.indexOf('other');
    bytes[name + 1] ^= 4;
    const altered = `${path}.altered`;
    writeFileSync(altered, bytes.subarray(0, bytes.length - 100));
    const expected = await told(here, altered, { goesOn: true });
    expect(await told(partsFromThread, altered, { goesOn: true })).toEqual(expected);
    const kinds = expected.map((each) => (Array.isArray(each) ? each[0] : (each as LogPart).kind));
    expect(kinds).toContain('broken');
    expect(kinds.indexOf('broken')).toBeLessThan(kinds.lastIndexOf('batch'));
    expect(kinds).toContain('torn');
  });
});

it('a thread begins in the middle of a gzipped log, and passes over keyframes', async () => {
  const path = `${await written('ndjson')}.gz`;
  writeFileSync(path, gzipSync(readFileSync(path.slice(0, -3))));
  const file = await openFile(path);
  const { header, version, segments } = await placesIn(file);
  await file.close();
  const options = { start: { ...segments[3], header, version }, skipsKeyframes: true };
  const rest = await told(partsFromThread, path, options);
  expect(rest).toEqual(await told(here, path, options));
  expect(rest.length).toBeGreaterThan(40);
});

it('a thread refuses an altered log once the parts before it were taken', async () => {
  const path = await written('arrow');
  const bytes = readFileSync(path);
  bytes[bytes.lastIndexOf('other') + 1] ^= 4;
  writeFileSync(path, bytes);
  const expected = await told(here, path);
  expect(expected.at(-1)).toMatch(/event \d+ was altered/);
  expect(await told(partsFromThread, path)).toEqual(expected);
});

it('a thread ends when nobody takes what it sends', async () => {
  const file = await openFile(await written('arrow'));
  const parts = partsIn(file, {}, { bytes: 2 ** 30 });
  expect((await parts.next()).value?.kind).toBe('header');
  await parts.return(undefined);
  expect(await parts.next()).toEqual({ done: true, value: undefined });
  await file.close();
});

it('an error of the file system in a thread names the file', async () => {
  const parts = partsFromThread(join(folder, 'missing.arrow'));
  await expect(parts.next()).rejects.toThrow(/missing\.arrow: cannot be read: ENOENT/);
});
