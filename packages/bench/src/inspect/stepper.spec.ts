import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PoolEvent, TYPE } from '@decpool/model';
import { COUNTER_NAMES } from '@decpool/model/internal';
import type { Pool } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenLog } from '../log/open.ts';
import { parseCommand } from './step-commands.ts';
import { StepSession } from './step-session.ts';
import { StepText } from './step-text.ts';
import { Stepper } from './stepper.ts';
import { ringsAndBuffer, type Written, withLog, writeRun } from './testing.ts';
import type { Wanted } from './wanted.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
async function onLog(
  run: (pool: Pool) => void,
  use: (stepper: Stepper, log: OpenLog, events: readonly PoolEvent[]) => Promise<void>,
  options?: Written,
): Promise<void> {
  const path = await writeRun(join(folder, `${count++}.arrow`), run, options);
  await withLog(path, async (log) => {
    const events: PoolEvent[] = [];
    for await (const batch of log.batches()) events.push(...batch);
    await use(new Stepper(log), log, events);
  });
}

/** Many small objects that come and go: some 20,000 events. */
function manyObjects(pool: Pool): void {
  for (let n = 1; n <= 5000; n++) {
    const object = pool.kmalloc(64, { owner: `driver ${n % 3}`, at: n * 1000 });
    if (n % 5 !== 0) pool.free(object.allocation, n * 1000 + 10);
  }
}

const counters = ({ view }: Stepper) => COUNTER_NAMES.map((name) => view.counter(name));

describe('a stepper', () => {
  it('is at every position in the state that the log has there, forward and back', async () => {
    await onLog(ringsAndBuffer, async (stepper, log) => {
      const states: number[][] = [];
      for (let at = 0; at <= log.events; at++) {
        await stepper.go(at);
        states.push(counters(stepper));
        const there = (await log.seek(at)).view();
        expect(counters(stepper)).toEqual(COUNTER_NAMES.map((name) => there.counter(name)));
      }
      for (let at = log.events; at >= 0; at--) {
        await stepper.go(at);
        expect(counters(stepper)).toEqual(states[at]);
      }
      await stepper.go(log.events + 7);
      expect(stepper.position).toBe(log.events);
      await stepper.go(-7);
      expect(stepper.position).toBe(0);
    });
  });

  it('shows the last event, the request that caused it, its owner, and the counters that it changed', async () => {
    await onLog(ringsAndBuffer, async (stepper, _log, events) => {
      expect(await stepper.step()).toBeUndefined();
      const decrypted = events.findIndex(({ type }) => type === 'pages-decrypted');
      await stepper.go(decrypted + 1);
      const step = await stepper.step();
      expect(step?.event).toEqual(events[decrypted]);
      expect(step?.cause).toMatchObject({
        by: 'request',
        owner: 'ring',
        event: { type: 'allocation-requested' },
      });
      expect(step?.changes).toContainEqual({ counter: 'sharedPages', before: 0, after: 2 });
      await stepper.go(1);
      expect((await stepper.step())?.cause).toMatchObject({
        by: 'request',
        event: { type: 'allocation-requested' },
      });
      const freed = events.findIndex(({ type }) => type === 'pages-freed');
      await stepper.go(freed + 1);
      expect((await stepper.step())?.cause).toMatchObject({
        owner: 'ring',
        event: { type: 'free-requested' },
      });
      expect((await stepper.around(1, 1)).map(({ seq }) => seq)).toEqual([freed - 1, freed, freed + 1]);
    });
  });

  it('goes far back and then one at a time, also behind keyframes', async () => {
    for (const keyframeEvents of [1_000_000, 6000]) {
      await onLog(
        manyObjects,
        async (stepper, log) => {
          expect(log.events).toBeGreaterThan(15_000);
          await stepper.go(log.events);
          for (const at of [14_000, 13_999, 13_998, 9000, 5, 14_500, 12_000]) {
            await stepper.go(at);
            const there = (await log.seek(at)).view();
            expect(counters(stepper)).toEqual(COUNTER_NAMES.map((name) => there.counter(name)));
          }
        },
        { keyframeEvents, batchRows: 1000 },
      );
    }
  });
});

describe('a search', () => {
  const searches: [string, Wanted, (event: PoolEvent) => boolean][] = [
    ['a type', { kind: 'type', type: TYPE.pagesAllocated }, ({ type }) => type === 'pages-allocated'],
    ['a split', { kind: 'split' }, ({ type }) => type === 'large-page-split'],
    ['a failure', { kind: 'failure' }, ({ type }) => type === 'allocation-failed'],
    [
      'an allocation',
      { kind: 'allocation', allocation: 1 },
      (event) => 'allocation' in event && event.allocation === 1,
    ],
    [
      'an owner',
      { kind: 'owner', text: 'RING' },
      (event) =>
        (event.type === 'allocation-requested' || event.type === 'free-requested') && event.allocation === 1,
    ],
  ];
  const run = (pool: Pool) => {
    ringsAndBuffer(pool);
    pool.alloc_pages(0, { owner: 'atomic', gfp: 1 });
    pool.alloc_pages(0, { owner: 'late' });
  };

  it.each(searches)('for %s finds all there are, forward and back', async (_, wanted, isHit) => {
    await onLog(
      run,
      async (stepper, log, events) => {
        const hits = events.filter(isHit).map(({ seq }) => seq);
        expect(hits.length).toBeGreaterThan(0);
        const forward: number[] = [];
        for (let found = await stepper.find(wanted, false); found !== undefined; ) {
          forward.push(found);
          await stepper.go(found + 1);
          found = await stepper.find(wanted, false);
        }
        expect(forward).toEqual(hits);
        await stepper.go(log.events);
        const back: number[] =
          events.at(-1) !== undefined && isHit(events.at(-1) as PoolEvent) ? [log.events - 1] : [];
        for (let found = await stepper.find(wanted, true); found !== undefined; ) {
          back.push(found);
          await stepper.go(found + 1);
          found = await stepper.find(wanted, true);
        }
        expect(back.reverse()).toEqual(hits);
      },
      { keyframeEvents: 10 },
    );
  });

  it('for a block finds splits of the 1G entry around it as well', async () => {
    await onLog(
      run,
      async (stepper, log, events) => {
        const split = events.find((event) => event.type === 'large-page-split' && event.level === 2) as {
          pfn: number;
        };
        const block = split.pfn / 512;
        const found = await stepper.find({ kind: 'block', block }, false);
        expect(events[found ?? 0].type).toBe('pages-claimed');
        await stepper.go((found ?? 0) + 1);
        const next = await stepper.find({ kind: 'block', block }, false);
        expect(events[next ?? 0]).toMatchObject({ type: 'large-page-split', level: 3 });
        expect(
          await stepper.find({ kind: 'block', block: log.header.geometry.spanPages }, false),
        ).toBeUndefined();
      },
      { memoryBytes: 5 * 2 ** 30 },
    );
  });

  it('is stopped when it is told so', async () => {
    await onLog(run, async (stepper) => {
      expect(await stepper.find({ kind: 'owner', text: 'late' }, false, () => true)).toBeUndefined();
    });
  });
});

describe('a session', () => {
  it('says what was not found and where the log ends, and stays there', async () => {
    await onLog(ringsAndBuffer, async (stepper, log) => {
      const session = new StepSession(stepper);
      const run = (line: string) => session.run(parseCommand(line) as Parameters<StepSession['run']>[0]);
      expect(await run('b')).toBe('this is the start of the log');
      expect(await run('r')).toBe('nothing was searched for yet');
      expect(await run('/buffer')).toBeUndefined();
      const at = stepper.position;
      expect(await run('r')).toBe(`there is no request of an owner like 'buffer' behind position ${at}`);
      expect(stepper.position).toBe(at);
      expect(await run('t 1us')).toBeUndefined();
      expect(stepper.time).toBe(1000);
      expect(await run('t 1')).toBe('no event happens until 1 ns');
      await expect(run(`g ${log.events + 1}`)).rejects.toThrow(`expected at most ${log.events}`);
      await run(`g ${log.events}`);
      expect(await run('n')).toBe('this is the end of the log');
    });
  });

  it('shows names harmlessly, and a map with a character per block and per 8 pages', async () => {
    const run = (pool: Pool) => {
      pool.alloc_pages(9, { owner: 'evil \u001b[2J\u202e', at: 5 });
    };
    await onLog(run, async (stepper, log) => {
      await stepper.go(log.events);
      const lines = await new StepText(stepper).lines();
      for (const mark of ['\u001b', '\u202e']) expect(lines.join('\n')).not.toContain(mark);
      expect(lines[2]).toContain('evil \\u001b[2J\\u202e');
      expect(lines.find((line) => line.startsWith('pages'))).toBe(
        `pages    ${'A'.repeat(64)}  8 pages a character`,
      );
      expect(lines.find((line) => line.startsWith('blocks'))).toMatch(/^blocks {3}[.A]{32} {2}0\.\.31$/);
      expect(lines.find((line) => line.startsWith('mapped'))).toMatch(
        /^mapped {3}42{31} {2}by 4K, 2M, 1G entries$/,
      );
    });
  });
});
