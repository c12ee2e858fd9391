import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PoolEvent } from '@decpool/model';
import type { Pool } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenLog } from '../log/open.ts';
import { explainAllocation } from './explain-allocation.ts';
import { allocationText } from './explain-allocation-text.ts';
import { explainRange, type RangeReport } from './explain-range.ts';
import { rangeText } from './explain-range-text.ts';
import { splitAt } from './explain-split.ts';
import { type Written, withLog, writeRun } from './testing.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A doorbell stays, a ring of its block comes and goes twice, and then the doorbell goes. */
function rings(pool: Pool): void {
  const doorbell = pool.alloc_pages(0, { owner: 'doorbell', at: 1000 });
  for (const at of [2_000_000, 4_000_000]) {
    const ring = pool.alloc_pages(1, { owner: 'ring', at });
    pool.free(ring.allocation, at + 1_000_000);
  }
  pool.kmalloc(256, { owner: 'descriptor', at: 6_000_000 });
  pool.free(doorbell.allocation, 8_000_000);
}

let count = 0;
async function onLog<Value>(
  run: (pool: Pool) => void,
  use: (log: OpenLog, events: readonly PoolEvent[]) => Promise<Value>,
  options?: Written,
): Promise<Value> {
  const path = await writeRun(join(folder, `${count++}.arrow`), run, options);
  return withLog(path, async (log) => {
    const events: PoolEvent[] = [];
    for await (const batch of log.batches()) events.push(...batch);
    return use(log, events);
  });
}

const splitIn = (events: readonly PoolEvent[]) =>
  events.find((event) => event.type === 'large-page-split' && event.level === 2) as Extract<
    PoolEvent,
    { type: 'large-page-split' }
  >;

describe('explaining a block', () => {
  it('names the request and owner that split it, the claim before and the conversion behind', async () => {
    await onLog(rings, async (log, events) => {
      const split = splitIn(events);
      const { report, names } = await explainRange(
        log,
        { kind: 'block', block: split.pfn / 512 },
        log.events,
      );
      expect(report).toMatchObject({
        kind: 'block',
        mapped: '4K',
        wasEverShared: true,
        platformRestores: false,
      });
      const found = report.split2M;
      expect(found?.split).toEqual(split);
      expect(found?.cause).toMatchObject({
        by: 'request',
        owner: 'doorbell',
        event: { type: 'allocation-requested', request: 1 },
      });
      expect(found?.claim).toMatchObject({ type: 'pages-claimed', request: 1 });
      expect(found?.conversion).toMatchObject({ type: 'pages-decrypted', request: 1 });
      const text = rangeText(report, names);
      expect(text).toContain(`2M entry     split at event ${split.seq}, 1 us\n`);
      expect(text).toContain(
        'by request #1: allocation-requested 1: alloc_pages 1 page, 4 KiB, for doorbell\n',
      );
      expect(text).toContain('the split stays: this platform puts no large entry back');
    });
  });

  it('tells what has pinned it since, from when to when, and what keeps it now', async () => {
    await onLog(rings, async (log, events) => {
      const block = splitIn(events).pfn / 512;
      const at = (position: number) =>
        explainRange(log, { kind: 'block', block }, position).then(({ report }) => report);
      const end = await at(log.events);
      expect(end.pinsByOwner).toEqual([
        { owner: 'ring', pins: 2, lasting: 0, longestNs: 1_000_000 },
        { owner: 'descriptor', pins: 1, lasting: 1, longestNs: 0 },
        { owner: 'doorbell', pins: 1, lasting: 0, longestNs: 7_999_000 },
        { owner: 'kmalloc-decrypted-256', pins: 1, lasting: 1, longestNs: 0 },
      ]);
      expect(end.pinsEndedLast.map(({ owner, fromNs, untilNs }) => [owner, fromNs, untilNs])).toEqual([
        ['ring', 2_000_000, 3_000_000],
        ['ring', 4_000_000, 5_000_000],
        ['doorbell', 1000, 8_000_000],
      ]);
      expect(end.heldBy.map(({ kind, owner }) => [kind, owner])).toEqual([
        ['object', 'descriptor'],
        ['slab', 'kmalloc-decrypted-256'],
      ]);
      const freed = events.findIndex(({ type, time }) => type === 'free-requested' && time === 3_000_000);
      const before = await at(freed);
      expect(before.heldBy.map(({ kind, owner }) => [kind, owner])).toEqual([
        ['pages', 'doorbell'],
        ['pages', 'ring'],
      ]);
      expect(before.pinsEnded).toBe(0);
    });
  });

  it('says when it is not split and was never shared, and refuses a block that is not there', async () => {
    await onLog(rings, async (log) => {
      const { report, names } = await explainRange(log, { kind: 'block', block: 1 }, log.events);
      expect(report.split2M).toBeUndefined();
      expect(rangeText(report, names)).toContain('2M entry     not split; mapped by 2M from the start\n');
      const text = rangeText(report, names);
      expect(text).toContain('shared       never: no page of it was ever shared\n');
      expect(text).toContain('to return it now: nothing is to do, no page of it was ever claimed\n');
      const first = await explainRange(log, { kind: 'block', block: 0 }, log.events);
      expect(rangeText(first.report, first.names)).toContain(
        '2M entry     never split in this run: it was mapped by 4K entries from the start\n',
      );
      await expect(explainRange(log, { kind: 'block', block: 32 }, 0)).rejects.toThrow(
        'block 32: expected one from 0 to 31',
      );
    });
  });

  it('says that leaked pages keep it for ever, and whose they were', async () => {
    const faults = { seed: 3, decrypt: 0, encrypt: 1, converted: 0, retries: 0 };
    await onLog(
      rings,
      async (log, events) => {
        const leaked = events.find(({ type }) => type === 'pages-leaked') as { pfn: number } | undefined;
        const block = Math.floor((leaked?.pfn ?? 0) / 512);
        const { report, names } = await explainRange(log, { kind: 'block', block }, log.events);
        expect(report.pages.leakedPages).toBeGreaterThan(0);
        expect(report.leaks[0]).toMatchObject({ owner: 'ring', event: { type: 'pages-leaked' } });
        expect(rangeText(report, names)).toMatch(/it can never be returned: \d+ pages .* leaked for good\n/);
      },
      { faults },
    );
  });

  it('tells the deferred worker from the request before it', async () => {
    const policy = 'first-fit+page+reserve:8:16+immediate';
    await onLog(
      (pool) => {
        pool.alloc_pages(0, { owner: 'a', at: 1000 });
        pool.alloc_pages(0, { owner: 'b', at: 2 ** 32 });
      },
      async (log, events) => {
        const split = splitIn(events);
        const { report } = await explainRange(log, { kind: 'block', block: split.pfn / 512 }, log.events);
        const by =
          split.request === 0
            ? 'boot'
            : events.some(({ time, type }) => type === 'allocation-requested' && time === split.time)
              ? 'request'
              : 'worker';
        expect(report.split2M?.cause.by).toBe(by);
        expect(by).not.toBe('request');
      },
      { policy },
    );
  });
});

describe('explaining a split', () => {
  const LARGE = { memoryBytes: 5 * 2 ** 30 };

  it('finds the block, or the region of a 1G entry, by the event', async () => {
    await onLog(
      rings,
      async (log, events) => {
        const splits = events.filter((event) => event.type === 'large-page-split');
        expect(splits.map((event) => event.type === 'large-page-split' && event.level)).toEqual([3, 2]);
        const kinds = await Promise.all(splits.map(({ seq }) => splitAt(log, seq, log.events)));
        expect(kinds.map(({ kind }) => kind)).toEqual(['region', 'block']);
        const reports = await Promise.all(
          kinds.map((asked) =>
            explainRange(log, asked, log.events).then(({ report }): RangeReport => report),
          ),
        );
        expect(reports[0]).toMatchObject({ blocks: 512, blocksOf4K: 1, split1G: { split: splits[0] } });
        expect(reports[1]).toMatchObject({ split2M: { split: splits[1] }, split1G: { split: splits[0] } });
      },
      LARGE,
    );
  });

  it('says which events are splits when one is none', async () => {
    await onLog(rings, async (log, events) => {
      const { seq } = splitIn(events);
      await expect(splitAt(log, 1, log.events)).rejects.toThrow(
        `event 1 is allocation-requested, no large-page-split; the log has 1 split, the nearest at event ${seq}`,
      );
      await expect(splitAt(log, log.events, log.events)).rejects.toThrow(/expected one before position/);
    });
  });
});

describe('explaining an allocation', () => {
  it('tells what was asked for, what was done for it, the blocks it pinned and when it went', async () => {
    await onLog(rings, async (log) => {
      const { report, names } = await explainAllocation(log, 1, log.events);
      expect(report).toMatchObject({
        owner: 'doorbell',
        status: 'freed',
        asked: { request: { request: 1 } },
      });
      expect(report.asked.byType.map(({ type, events, pages }) => [type, events, pages])).toEqual([
        ['pages-claimed', 1, 512],
        ['page-table-allocated', 1, 1],
        ['large-page-split', 1, 0],
        ['pages-decrypted', 1, 1],
        ['pages-allocated', 1, 1],
      ]);
      expect(report.blocks).toMatchObject([
        { pages: 1, wasSplitForIt: true, fromNs: 1000, untilNs: 8_000_000 },
      ]);
      expect(report.freed?.request).toMatchObject({ type: 'free-requested', time: 8_000_000 });
      const text = allocationText(report, names);
      expect(text).toContain('allocation 1, for doorbell\n');
      expect(text).toContain('asked for    alloc_pages, 1 page, 4 KiB, GFP_KERNEL\n');
      expect(text).toMatch(/freed {8}by request #7, event \d+, 8 ms, after 7.999 ms\n/);
    });
  });

  it('tells the block of the slab that an object lies in, and that it is live', async () => {
    await onLog(rings, async (log, events) => {
      const slab = events.find(({ type }) => type === 'slab-created') as { pfn: number } | undefined;
      const { report, names } = await explainAllocation(log, 4, log.events);
      expect(report).toMatchObject({ owner: 'descriptor', status: 'live' });
      expect(report.freed).toBeUndefined();
      expect(report.blocks).toEqual([
        {
          block: Math.floor((slab?.pfn ?? 0) / 512),
          pages: expect.any(Number),
          wasSplitForIt: false,
          fromNs: 6_000_000,
        },
      ]);
      expect(allocationText(report, names)).toMatch(/: live\n.*│ +still │/s);
    });
  });

  it('tells why one was refused, and which there are', async () => {
    const run = (pool: Pool) => {
      pool.alloc_pages(0, { owner: 'atomic', gfp: 1, at: 5 });
    };
    await onLog(run, async (log) => {
      const { report, names } = await explainAllocation(log, 1, log.events);
      const text = allocationText(report, names);
      expect(text).toContain('refused      would-sleep\n');
      expect(text).toContain('GFP_ATOMIC\n');
      expect(text).toContain('blocks       none: it has got no pages\n');
      await expect(explainAllocation(log, 2, log.events)).rejects.toThrow(
        'allocation 2: expected one from 1 to 1',
      );
      await expect(explainAllocation(log, 1, 0)).rejects.toThrow(
        'allocation 1: there is none up to position 0',
      );
    });
  });
});
