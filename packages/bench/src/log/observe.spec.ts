import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PoolEvent, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { count, lastValueFrom, take, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchesOf, eventsOf, statesOf } from './observe.ts';
import { type OpenLog, openLog } from './open.ts';
import { openLogWriter } from './write.ts';

let folder = '';
let log: OpenLog;
const told: PoolEvent[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  const pool = new Pool({
    memory: freshBoot(2 ** 26),
    platform: platformNamed('snp'),
    policy: policyNamed('first-fit+page+immediate'),
    batchRows: 7,
  });
  const writer = await openLogWriter(join(folder, 'a.arrow'), 'arrow', pool.header, { keyframeEvents: 20 });
  pool.events$.subscribe((event) => told.push(event));
  const writes: Promise<void>[] = [];
  let before = Promise.resolve();
  pool.batches$.subscribe((batch) => {
    before = before.then(() => writer.write(batch));
    writes.push(before);
  });
  for (let i = 0; i < 20; i++) pool.alloc_pages(i % 3, { owner: `driver ${i % 4}` });
  pool.complete();
  await Promise.all(writes);
  await writer.finish(pool.hash());
  log = await openLog(join(folder, 'a.arrow'));
});
afterAll(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

describe('a log as a stream', () => {
  it('gives the events that the pool gave, as frozen objects', async () => {
    const events = await lastValueFrom(eventsOf(log).pipe(toArray()));
    expect(events).toEqual(told);
    expect(events.every(Object.isFrozen)).toBe(true);
  });

  it('gives the events from one position to another', async () => {
    expect(await lastValueFrom(eventsOf(log, { from: 13, to: 29 }).pipe(toArray()))).toEqual(
      told.slice(13, 29),
    );
  });

  it('gives the same events as batches', async () => {
    const batches = await lastValueFrom(batchesOf(log).pipe(toArray()));
    expect(batches.flatMap((batch) => [...batch])).toEqual(told);
  });

  it('gives a state before the first event and after each batch', async () => {
    const states = await lastValueFrom(statesOf(log).pipe(toArray()));
    expect(states[0].counters.events).toBe(0);
    expect(states.at(-1)?.counters.events).toBe(told.length);
    expect(states).toHaveLength(1 + (await lastValueFrom(batchesOf(log).pipe(count()))));
  });

  it('stops reading when nobody listens any more', async () => {
    expect(await lastValueFrom(eventsOf(log).pipe(take(3), toArray()))).toEqual(told.slice(0, 3));
  });

  it('tells its subscriber what is wrong', async () => {
    await expect(lastValueFrom(eventsOf(log, { from: -1 }))).rejects.toThrow(
      'expected a whole number from 0',
    );
  });
});
