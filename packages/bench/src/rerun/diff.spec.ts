import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshBoot } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLog } from '../log/open.ts';
import { nvmeAtomic } from '../workloads/nvme-atomic.ts';
import { diffLogs, type LogDiff } from './diff.ts';
import { SideBySide } from './divergence.ts';
import { eventsOf, forge, type Scenario, writeRun } from './testing.ts';

let folder = '';
const scratch = (name: string) => join(folder, name);
const RUN: Scenario = { requests: nvmeAtomic.generate().requests.slice(0, 300), policy: 'linux-6.12' };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  await writeRun(scratch('run.arrow'), 'arrow', RUN);
  await writeRun(scratch('run.ndjson'), 'ndjson', RUN);
  await writeRun(scratch('other.arrow'), 'arrow', { ...RUN, policy: 'best-fit+block+immediate' });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function diff(a: string, b: string): Promise<LogDiff> {
  const [left, right] = [await openLog(scratch(a)), await openLog(scratch(b))];
  try {
    return await diffLogs(left, right);
  } finally {
    await Promise.all([left.close(), right.close()]);
  }
}

describe('two logs side by side', () => {
  it('are the same when their runs are, however they are stored', async () => {
    const { divergence, before, events, headers, blocks, metrics } = await diff('run.arrow', 'run.ndjson');
    expect({ divergence, before, headers, blocks }).toEqual({
      divergence: undefined,
      before: [],
      headers: [],
      blocks: [],
    });
    expect(events[0]).toBe((await eventsOf(scratch('run.arrow'))).length);
    expect(events[1]).toBe(events[0]);
    expect(metrics.length).toBeGreaterThan(20);
    for (const [a, b] of metrics) expect(a).toEqual(b);
  });

  it('part at the first event that they do not share, and end up otherwise', async () => {
    const [left, right] = [await eventsOf(scratch('run.arrow')), await eventsOf(scratch('other.arrow'))];
    const first = left.findIndex((event, at) => JSON.stringify(event) !== JSON.stringify(right[at]));
    const found = await diff('run.arrow', 'other.arrow');
    expect(found.divergence).toEqual({ seq: first, left: left[first], right: right[first] });
    expect(found.before).toEqual(left.slice(Math.max(0, first - 5), first));
    expect(found.headers).toEqual([['policy', '"linux-6.12"', '"best-fit+block+immediate"']]);
    expect(found.events).toEqual([left.length, right.length]);
    expect(found.metrics.some(([a, b]) => a.value !== b.value)).toBe(true);
    expect(found.blocks?.length).toBeGreaterThan(0);
    for (const block of found.blocks ?? []) expect(block.left).not.toEqual(block.right);
  });

  it('part where one number differs, wherever that is', async () => {
    const events = await eventsOf(scratch('run.ndjson'));
    // Where there is time until the next event, one nanosecond more leads to the same state.
    const late = events.flatMap(({ seq, time }, at) =>
      time + 1 < (events[at + 1]?.time ?? 2 ** 53) ? [seq] : [],
    );
    for (const seq of [late[0], late[Math.floor(late.length / 2)], events.length - 1]) {
      const change = (time: number) => time + 1;
      await forge(
        scratch('run.ndjson'),
        scratch('forged.ndjson'),
        'ndjson',
        { seq, column: 'time', change },
        true,
      );
      const { divergence, before, blocks } = await diff('run.ndjson', 'forged.ndjson');
      expect(before).toEqual(events.slice(Math.max(0, seq - 5), seq));
      expect(divergence).toMatchObject({
        seq,
        left: events[seq],
        right: { ...events[seq], time: events[seq].time + 1 },
      });
      expect(blocks).toEqual([]);
    }
  });

  it('part where one of them ends', async () => {
    await writeRun(scratch('shorter.arrow'), 'arrow', { ...RUN, requests: RUN.requests.slice(0, 299) });
    const left = await eventsOf(scratch('run.arrow'));
    const { divergence, headers } = await diff('run.arrow', 'shorter.arrow');
    expect(divergence?.left).toEqual(left[divergence?.seq ?? 0]);
    expect(headers.map(([name]) => name)).toEqual(['workload']);
    const other = await diff('shorter.arrow', 'run.arrow');
    expect(other.divergence).toEqual({
      seq: divergence?.seq,
      left: divergence?.right,
      right: divergence?.left,
    });
  });

  it('are not compared block by block when their guests are of different sizes', async () => {
    await writeRun(scratch('large.arrow'), 'arrow', { ...RUN, memory: freshBoot(512 * 2 ** 20) });
    const { blocks, headers } = await diff('run.arrow', 'large.arrow');
    expect(blocks).toBeUndefined();
    expect(headers.map(([name]) => name)).toEqual(['geometry', 'memory']);
  });

  it('are refused where one cannot have happened, and which it is is told', async () => {
    await forge(
      scratch('run.ndjson'),
      scratch('impossible.ndjson'),
      'ndjson',
      { seq: 0, column: 'time', change: () => 2 ** 52 },
      true,
    );
    await expect(diff('run.ndjson', 'impossible.ndjson')).rejects.toThrow(
      `${scratch('impossible.ndjson')}: event 1 (`,
    );
  });

  it('part with the last events before, whatever the batches', async () => {
    const left = await eventsOf(scratch('run.arrow'));
    const last = { seq: left.length - 1, column: 'time', change: (time: number) => time + 1 } as const;
    await forge(scratch('run.arrow'), scratch('last.arrow'), 'arrow', last, true);
    const [log, other] = [await openLog(scratch('run.arrow')), await openLog(scratch('last.arrow'))];
    const side = new SideBySide();
    for await (const batch of other.batches()) side.right(batch);
    for await (const batch of log.batches()) {
      for (let row = 0; row < batch.length; row += 3) {
        side.left(batch.slice(row, Math.min(batch.length, row + 3)));
      }
    }
    expect(side.divergence?.before).toEqual(left.slice(-11, -1));
    await Promise.all([log.close(), other.close()]);
  });
});
