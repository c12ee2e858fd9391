import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { statsOf, statsText } from './stats.ts';
import { ringsAndBuffer, withLog, writeRun } from './testing.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('counts events by type, requests, segments and keyframes of a sealed log', async () => {
  const path = await writeRun(join(folder, 'a.arrow'), ringsAndBuffer, { keyframeEvents: 8 });
  const stats = await withLog(path, statsOf);
  expect(stats).toMatchObject({
    format: 'arrow',
    isGzip: false,
    schemaVersion: 3,
    end: 'complete',
    tornEvents: 0,
  });
  expect(stats.header).toMatchObject({ policy: 'first-fit+page+immediate', platform: 'snp', seed: 1 });
  expect(stats.eventsByType).toMatchObject({
    'allocation-requested': 4,
    'free-requested': 1,
    'owner-registered': 5,
  });
  expect(Object.values(stats.eventsByType).reduce((sum, count) => sum + count, 0)).toBe(stats.events);
  expect(stats.requests).toBe(5);
  expect(stats.durationNs).toBeGreaterThanOrEqual(2_000_000_000);
  expect(stats.segments).toBe(Math.ceil(stats.events / 4));
  expect(stats.keyframesAtEvents[0]).toBeGreaterThanOrEqual(8);
  expect(stats.bytesPerEvent).toBeCloseTo(stats.sizeBytes / stats.events, 2);
  const text = statsText(stats);
  expect(text).toContain('end          sealed: the log is complete\n');
  expect(text).toMatch(/│ allocation-requested │ +4 │ +\d+(\.\d)? % │/);
});

it('tells a log that was cut off, and one without any event', async () => {
  const cut = await writeRun(join(folder, 'cut.ndjson'), ringsAndBuffer, {
    format: 'ndjson',
    isCutOff: true,
  });
  expect(await withLog(cut, statsOf)).toMatchObject({ format: 'ndjson', end: 'cut-off', requests: 5 });
  const empty = await writeRun(join(folder, 'empty.arrow'), () => {});
  const stats = await withLog(empty, statsOf);
  expect(stats).toMatchObject({
    events: 0,
    requests: 0,
    durationNs: 0,
    eventsPerSecond: 0,
    bytesPerEvent: 0,
  });
  expect(statsText(stats)).toContain('events       0, 0 per simulated second\n');
});
