import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COUNTER_NAMES } from '@decpool/model/internal';
import type { Pool } from '@decpool/pool';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { changeText, groupedCounters } from './counter-groups.ts';
import { eventsUntil, positionOf } from './position.ts';
import { stateReport, stateText } from './state-report.ts';
import { ringsAndBuffer, withLog, writeRun } from './testing.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const reportAt = (path: string, at?: number) =>
  withLog(path, async (log) => {
    const columns = await log.seek(at ?? log.events);
    return { report: stateReport(log, columns), counters: columns.publishCounters() };
  });

it('shows every counter in one group but those that are the position', async () => {
  const path = await writeRun(join(folder, 'a.arrow'), ringsAndBuffer);
  const { counters } = await reportAt(path);
  const grouped = Object.values(groupedCounters(counters)).flatMap((group) => Object.keys(group));
  expect([...grouped, 'events', 'time'].sort()).toEqual([...COUNTER_NAMES].sort());
  expect(changeText('splits2M', 0, 1)).toBe('2M splits 0 -> 1');
  expect(changeText('sharedPages', 512, 1024)).toBe('shared 512 -> 1,024 pages');
  expect(changeText('time', 0, 1)).toBeUndefined();
});

it('tells who pins which block, and what each owner has live', async () => {
  const path = await writeRun(join(folder, 'b.arrow'), ringsAndBuffer);
  const { report } = await reportAt(path);
  expect(report.position).toEqual({
    events: expect.any(Number),
    ofEvents: report.position.events,
    timeNs: expect.any(Number),
  });
  const used = report.blocksInUse;
  expect(used.length).toBeGreaterThanOrEqual(2);
  for (const block of used) expect(block.lastPfn - block.firstPfn).toBe(511);
  const sum = (key: 'claimedPages' | 'sharedPages' | 'allocatedPages') =>
    used.reduce((total, block) => total + block[key], 0);
  expect(sum('claimedPages')).toBe(report.counters.memory['claimedPages']);
  expect(sum('sharedPages')).toBe(report.counters.memory['sharedPages']);
  const pinners = new Set(used.flatMap(({ pinnedBy }) => pinnedBy.map(({ owner }) => owner)));
  expect(pinners).toEqual(new Set(['doorbell', 'descriptor', 'buffer', 'kmalloc-decrypted-256']));
  expect(
    report.owners.map(({ owner, liveAllocations, liveObjects, livePages }) => [
      owner,
      liveAllocations,
      liveObjects,
      livePages,
    ]),
  ).toEqual([
    ['buffer', 1, 0, 700],
    ['doorbell', 1, 0, 1],
    ['descriptor', 1, 1, 0],
  ]);
  expect(report.owners[0]).toMatchObject({ askedBytes: 700 * 4096, blocks: 2 });
});

it('says when the log was cut off', async () => {
  const path = await writeRun(join(folder, 'cut.arrow'), ringsAndBuffer, { isCutOff: true });
  const { report, counters } = await reportAt(path);
  expect(stateText(report, counters, false)).toMatch(/\nend +cut off: the run that wrote it did not end/);
});

it('is empty before the first event', async () => {
  const path = await writeRun(join(folder, 'c.arrow'), ringsAndBuffer);
  const { report, counters } = await reportAt(path, 0);
  expect(report).toMatchObject({ blocksInUse: [], owners: [], position: { events: 0, timeNs: 0 } });
  const text = stateText(report, counters, false);
  expect(text).toContain('no block in use\nno owner with live allocations\n');
});

it('fits 100 columns, shows 20 rows and says how many more there are, and shows names harmlessly', async () => {
  const crowd = (pool: Pool) => {
    for (let n = 0; n < 25; n++)
      pool.alloc_pages(9, { owner: `\u001b[2J owner with quite a long name that wraps ${n}` });
  };
  const path = await writeRun(join(folder, 'd.arrow'), crowd, { memoryBytes: 256 * 2 ** 20 });
  const { report, counters } = await reportAt(path);
  const text = stateText(report, counters, false);
  expect(text).toContain('and 5 more of 25: --all shows them');
  expect(text).not.toContain('\u001b');
  expect(text).toContain('\\u001b[2J');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  const all = stateText(report, counters, true);
  expect(all).not.toContain('--all');
  expect(all.split('\n').length).toBeGreaterThan(text.split('\n').length);
});

it('finds the position of a time, those events at it included, in whatever way the log is stored', async () => {
  const paths = [
    await writeRun(join(folder, 'e.arrow'), ringsAndBuffer),
    await writeRun(join(folder, 'e.ndjson'), ringsAndBuffer, { format: 'ndjson', batchRows: 3 }),
  ];
  for (const path of paths) {
    await withLog(path, async (log) => {
      const times: number[] = [];
      for await (const batch of log.batches()) for (const { time } of batch) times.push(time);
      for (const time of [0, 999, 1000, 1001, 2000, 1_500_000_000, ...times]) {
        expect(await eventsUntil(log, time)).toBe(times.filter((other) => other <= time).length);
      }
      await expect(eventsUntil(log, 2 ** 50)).rejects.toThrow(/expected at most 2\.?\d* s \(\d+ ns\)/);
      expect(await positionOf(log, {})).toBe(times.length);
      expect(await positionOf(log, { at: 3 })).toBe(3);
      await expect(positionOf(log, { at: times.length + 1 })).rejects.toThrow(
        new RegExp(`expected at most ${times.length}`),
      );
      await expect(positionOf(log, { at: 1, time: 1 })).rejects.toThrow(/--at, --time: expected only one/);
    });
  }
});
