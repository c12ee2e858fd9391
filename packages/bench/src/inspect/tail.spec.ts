import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EventBatch, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOG_FORMATS, type LogFormat } from '../log/format.ts';
import { openLogWriter } from '../log/write.ts';
import { nameOfLog, tailLog, watch } from './tail.ts';
import { ringsAndBuffer, writeRun } from './testing.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Collects what a tail prints. */
function tailOf(most: number, signal = new AbortController().signal) {
  const lines: string[] = [];
  const write = async (text: string) => void lines.push(...text.trimEnd().split('\n'));
  const run = (path: string, waits?: () => Promise<boolean>) =>
    tailLog(path, { lines: most, write, ended: signal, waits });
  return { lines, run };
}

it('prints the last events of a whole log, and that it is complete', async () => {
  const path = await writeRun(join(folder, 'whole.arrow'), ringsAndBuffer);
  const { lines, run } = tailOf(3);
  const end = await run(path);
  const events = Number(/after (\d+) events/.exec(end)?.[1]);
  expect(end).toBe(`sealed after ${events} events: the log is complete`);
  expect(lines.map((line) => Number(line.trim().split(/\s+/)[0]))).toEqual([
    events - 3,
    events - 2,
    events - 1,
  ]);
  const all = tailOf(1000);
  await all.run(path);
  expect(all.lines).toHaveLength(events);
  expect(all.lines[1]).toContain('alloc_pages 2 pages, 8 KiB, for ring');
  const none = tailOf(0);
  await none.run(path);
  expect(none.lines).toEqual([]);
});

it('says that a log has no seal', async () => {
  const path = await writeRun(join(folder, 'cut.ndjson'), ringsAndBuffer, {
    format: 'ndjson',
    isCutOff: true,
  });
  const { run } = tailOf(1);
  expect(await run(path)).toMatch(/^the log goes no further than \d+ events, and it has no seal/);
});

describe.each(Object.keys(LOG_FORMATS) as LogFormat[])('a log that is being written as %s', (format) => {
  it('is found under its partial name, and its segments are printed as they come, until the seal', async () => {
    const pool = new Pool({
      memory: freshBoot(64 * 2 ** 20),
      platform: platformNamed('snp'),
      policy: policyNamed('first-fit+page+immediate'),
      batchRows: 4,
    });
    const batches: EventBatch[] = [];
    pool.batches$.subscribe((batch) => batches.push(batch));
    ringsAndBuffer(pool);
    pool.complete();
    const path = join(folder, `growing.${format}`);
    const writer = await openLogWriter(path, format, pool.header);
    const name = await nameOfLog(path);
    expect(name).toBe(`${path}.partial`);
    const { lines, run } = tailOf(2);
    const counts: number[] = [];
    // Asked at the end of the file: then the next segment is written.
    const end = await run(name, async () => {
      counts.push(lines.length);
      const batch = batches.shift();
      if (batch === undefined) await writer.finish(pool.hash());
      else await writer.write(batch);
      return true;
    });
    expect(end).toMatch(/the log is complete/);
    expect(lines).toHaveLength(pool.counters.events);
    expect(counts.slice(0, 3)).toEqual([0, 4, 8]);
    expect(await nameOfLog(path)).toBe(path);
  });
});

it('says when there is no log, under either name', async () => {
  await expect(nameOfLog(join(folder, 'missing.arrow'))).rejects.toThrow(
    /missing\.arrow: no such log, and no .*missing\.arrow\.partial/,
  );
});

it('looks once more when the log is gone, and no longer waits when it was ended', async () => {
  const ended = new AbortController();
  const there = watch([join(folder, 'gone'), folder], ended.signal);
  expect([await there(), await there(), await there()]).toEqual([true, true, true]);
  const gone = watch([join(folder, 'gone')], ended.signal);
  expect([await gone(), await gone(), await gone()]).toEqual([true, false, false]);
  ended.abort();
  expect(await there()).toBe(false);
});
