import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openFile } from './byte-file.ts';
import type { LogPart } from './parts.ts';
import { headerOf, partsIn, type ReadOptions, readLog } from './read.ts';
import { openBelow, shortRun, writeLog } from './testing.ts';

const RUN = shortRun(4);
let folder = '';
let path = '';
let copies = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  path = join(folder, 'log.ndjson');
  await writeLog(path, 'ndjson', RUN);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function* partsOf(...parts: readonly LogPart[]): AsyncGenerator<LogPart> {
  yield* parts;
}

describe('where a log is read', () => {
  const cores = os.availableParallelism;
  /** Modules stay loaded for other specs, so the function is changed in place, for as long as a test takes. */
  const withCores = (count: () => number) => {
    os.availableParallelism = count;
    syncBuiltinESMExports();
  };
  afterEach(() => withCores(cores));

  /** Whether a thread was asked for so many bytes. It is given all that this thread would use, and its parts are the log's. */
  async function isByThread(bytes: number, options: ReadOptions = {}): Promise<boolean> {
    const file = await openFile(path);
    const header = { kind: 'header', header: RUN.header, version: 7 } as const;
    const start = undefined;
    let asked = 0;
    const parts = partsIn(file, options, { start, bytes }, (...given) => {
      expect(given).toEqual([path, options, start]);
      asked++;
      return partsOf(header);
    });
    const { version } = await headerOf(parts);
    await parts.return(undefined);
    expect(version).toBe(asked === 0 ? RUN.header.schema : 7);
    await file.close();
    return asked > 0;
  }

  it('is a thread from 32 MiB on, if there is a second core and nobody waits for more', async () => {
    withCores(() => 2);
    expect(await isByThread(2 ** 25)).toBe(true);
    expect(await isByThread(2 ** 25 - 1)).toBe(false);
    expect(await isByThread(0)).toBe(false);
    expect(await isByThread(2 ** 30, { skipsKeyframes: true })).toBe(true);
    expect(await isByThread(2 ** 30, { waits: async () => false })).toBe(false);
    expect(await isByThread(0, { waits: async () => false })).toBe(false);
    withCores(() => 1);
    expect(await isByThread(2 ** 30)).toBe(false);
  });
});

it.runIf(existsSync('/proc/self/fd'))(
  'a log is read from its header to its seal, and closed, also if not all of it is read',
  async () => {
    const copy = join(folder, `copy-${++copies}.ndjson`);
    copyFileSync(path, copy);
    const kinds: string[] = [];
    for await (const { kind } of readLog(copy)) kinds.push(kind);
    expect([kinds[0], kinds.at(-1)]).toEqual(['header', 'seal']);
    expect(openBelow(copy)).toEqual([]);
    for await (const _ of readLog(copy)) break;
    expect(openBelow(copy)).toEqual([]);
  },
);

it('the header is the first part of a log, and there is none without it', async () => {
  const header = { kind: 'header', header: RUN.header, version: 2 } as const;
  const parts = partsOf(header, { kind: 'torn', events: 0, bytes: 1 });
  expect(await headerOf(parts)).toBe(header);
  expect((await parts.next()).value).toMatchObject({ kind: 'torn' });
  for (const none of [partsOf(), partsOf({ kind: 'torn', events: 0, bytes: 1 })])
    await expect(headerOf(none)).rejects.toThrow(new InputError('has no header; expected an event log'));
});
