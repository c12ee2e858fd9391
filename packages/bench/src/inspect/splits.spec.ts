import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OwnerFigures, platformNamed } from '@decpool/model';
import { observeAll, RunProjections } from '@decpool/model/internal';
import type { Pool } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitsOf } from './splits.ts';
import {
  type OwnerSplits,
  ownerName,
  splitCounts,
  splitsByBlock,
  splitsByOwner,
  splitsByRequest,
  splitsReport,
} from './splits-groups.ts';
import { CONTIGUOUS_HISTORY, HISTORY, OWNERS, splitsIn } from './splits-testing.ts';
import { ringsAndBuffer, type Written, withLog, writeRun } from './testing.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('given splits of two owners, of the deferred worker and of the boot', () => {
  const found = splitsIn(HISTORY, OWNERS);

  it('each split has its request, owner or other cause, page, block and level', () => {
    expect(found.splits).toEqual([
      { seq: 0, time_ns: 0, request: 0, cause: 'boot', pfn: 4608, block: 9, level: '1G' },
      { seq: 2, time_ns: 10, request: 1, cause: 'request', owner: 'nvme', pfn: 0, block: 0, level: '2M' },
      {
        ...{ seq: 4, time_ns: 20, request: 2, cause: 'request', owner: 'netvsc' },
        ...{ pfn: 2560, block: 5, level: '2M' },
      },
      {
        ...{ seq: 5, time_ns: 20, request: 2, cause: 'request', owner: 'netvsc' },
        ...{ pfn: 1024, block: 2, level: '2M' },
      },
      { seq: 6, time_ns: 99, request: 2, cause: 'worker', pfn: 4096, block: 8, level: '2M' },
      { seq: 8, time_ns: 100, request: 3, cause: 'request', owner: 'nvme', pfn: 1536, block: 3, level: '2M' },
    ]);
  });

  it('by owner, the most 2M splits come first, then names; the worker and the boot stand for themselves', () => {
    const rows = splitsByOwner(found).map((group) => [
      ownerName(group),
      group.splits['2M'],
      group.splits['1G'],
      group.requests,
      group.firstSeq,
    ]);
    expect(rows).toEqual([
      ['netvsc', 2, 0, 1, 4],
      ['nvme', 2, 0, 2, 2],
      ['deferred worker', 1, 0, 0, 6],
      ['boot', 0, 1, 0, 0],
    ]);
    expect(splitsByOwner(found).map(({ sharePercent }) => Math.round(sharePercent))).toEqual([
      33, 33, 17, 17,
    ]);
  });

  it('by request, the most splits come first, with what was asked for', () => {
    const rows = splitsByRequest(found).map(({ request, cause, asked, splits, firstSeq }) => [
      request,
      cause,
      asked?.type,
      splits['2M'] + splits['1G'],
      firstSeq,
    ]);
    expect(rows).toEqual([
      [2, 'request', 'allocation-requested', 2, 4],
      [0, 'boot', undefined, 1, 0],
      [1, 'request', 'allocation-requested', 1, 2],
      [2, 'worker', undefined, 1, 6],
      [3, 'request', 'free-requested', 1, 8],
    ]);
    expect(splitsByRequest(found)[0].asked).toMatchObject({ api: 'alloc_pages_exact', pages: 8 });
  });

  it('by block, they are in the order of blocks', () => {
    const rows = splitsByBlock(found).map((group) => [
      group.block,
      group.level,
      group.request,
      ownerName(group),
    ]);
    expect(rows).toEqual([
      [0, '2M', 1, 'nvme'],
      [2, '2M', 2, 'netvsc'],
      [3, '2M', 3, 'nvme'],
      [5, '2M', 2, 'netvsc'],
      [8, '2M', 2, 'deferred worker'],
      [9, '1G', 0, 'boot'],
    ]);
  });

  it('names an owner that is called as the worker is beside the worker', () => {
    const groups = splitsByOwner(splitsIn(HISTORY, ['deferred worker', 'netvsc']));
    expect(groups.map(({ cause }) => cause)).toEqual(['request', 'request', 'worker', 'boot']);
  });
});

describe('given splits of contiguous runs', () => {
  const found = splitsIn(CONTIGUOUS_HISTORY, ['realm']);

  it('counts 32M and 64K splits by themselves, and in the share', () => {
    expect(splitCounts(found.splits)).toEqual({ '2M': 1, '1G': 0, '32M': 1, '64K': 2 });
    expect(splitsByOwner(found)[0]).toMatchObject({ sharePercent: 100, requests: 1 });
  });

  it('a block has a row of each level, the larger entry first', () => {
    const rows = splitsByBlock(found).map(({ block, level, splits }) => [block, level, splits[level]]);
    expect(rows).toEqual([
      [16, '32M', 1],
      [17, '2M', 1],
      [17, '64K', 2],
    ]);
  });
});

let count = 0;
/** The splits of a run, and what a comparison counts in it. */
async function ofRun(run: (pool: Pool) => void, options?: Written) {
  const path = await writeRun(join(folder, `${count++}.arrow`), run, options);
  return withLog(path, async (log) => {
    const projections = new RunProjections(log.header);
    for await (const batch of log.batches()) observeAll(batch, [projections]);
    return { found: await splitsOf(log), figures: projections.splits.figures() };
  });
}

/** As a comparison counts: the worker and the boot are 'no request'. */
function asFigures(groups: readonly OwnerSplits[]): Record<string, [splits2M: number, splits1G: number]> {
  const figures: Record<string, [number, number]> = {};
  for (const { cause, owner, splits } of groups) {
    const name = cause === 'request' && owner !== undefined ? owner : 'no request';
    const [splits2M, splits1G] = figures[name] ?? [0, 0];
    figures[name] = [splits2M + splits['2M'], splits1G + splits['1G']];
  }
  return figures;
}

const figuresOf = (figures: readonly OwnerFigures[]) =>
  Object.fromEntries(figures.map(({ owner, splits2M, splits1G }) => [owner, [splits2M, splits1G]]));

/** Page after page with GFP_ATOMIC, for longer than a block lasts: the deferred worker refills the reserve from the next one. */
function drain(pool: Pool): void {
  for (let at = 1; at <= 600; at++) pool.alloc_pages(0, { owner: 'ring', gfp: 1, at: at * 2 ** 31 });
}

/** Buffers of many blocks that come and go, so that a reserve is refilled again and again. */
function churn(pool: Pool): void {
  const live: Parameters<Pool['free']>[0][] = [];
  for (let at = 1; at <= 60; at++) {
    const buffer = pool.alloc_pages(at % 8, { owner: `owner ${at % 5}`, at: at * 2 ** 31 });
    live.push(buffer.allocation);
    const freed = at % 3 === 0 ? live.shift() : undefined;
    if (freed !== undefined) pool.free(freed, at * 2 ** 31 + 2 ** 30);
  }
}

describe('given the log of a run', () => {
  it.each([
    'first-fit+page+immediate',
    'first-fit+page+reserve:8:16+immediate',
    'linux-6.12',
    'linux-7.3',
    'gfp-decrypted',
  ])('counts under %s what a comparison counts', async (policy) => {
    const { found, figures } = await ofRun(churn, { policy, memoryBytes: 5 * 2 ** 30 });
    expect(found.splits.length).toBeGreaterThan(0);
    expect(asFigures(splitsByOwner(found))).toEqual(figuresOf(figures));
  });

  it('tells the deferred worker, after a request, from the boot; a comparison has both as no request', async () => {
    const { found, figures } = await ofRun(drain, { policy: 'first-fit+page+reserve:8:16+immediate' });
    expect(splitsByOwner(found).map((group) => [ownerName(group), group.splits['2M']])).toEqual([
      ['boot', 1],
      ['deferred worker', 1],
    ]);
    expect(figures).toMatchObject([{ owner: 'no request', splits2M: 2 }]);
    const [atBoot, later] = splitsByRequest(found);
    expect([atBoot.request, later.request > 400]).toEqual([0, true]);
  });

  it('every grouping has each split once', async () => {
    const { found } = await ofRun(churn, { policy: 'linux-6.12', memoryBytes: 5 * 2 ** 30 });
    for (const by of ['owner', 'request', 'block'] as const) {
      const { groups, total } = splitsReport(found, by);
      const sum = { '2M': 0, '1G': 0 };
      for (const { splits } of groups) {
        sum['2M'] += splits['2M'];
        sum['1G'] += splits['1G'];
      }
      expect(sum).toEqual({ '2M': total['2M'], '1G': total['1G'] });
    }
  });

  it('tells whether a split block is private, mixed or all shared at the end', async () => {
    const states = async (run: (pool: Pool) => void, options?: Written) =>
      splitsByBlock((await ofRun(run, options)).found).map(({ level, atEnd }) => [level, atEnd]);
    expect(await states(ringsAndBuffer)).toEqual([['2M', 'mixed']]);
    const ring = (pool: Pool) => {
      const { allocation } = pool.alloc_pages(1, { owner: 'ring', at: 1000 });
      pool.free(allocation, 2000);
    };
    expect(await states(ring)).toEqual([['2M', 'private']]);
    const platform = { ...platformNamed('snp'), restore: true };
    expect(await states(ring, { platform })).toEqual([['2M', 'restored']]);
    const halves = (pool: Pool) => {
      for (const at of [1000, 2000]) pool.alloc_pages(8, { owner: 'halves', at });
    };
    expect(await states(halves)).toEqual([['2M', 'shared']]);
  });

  it('has none of a log without conversions', async () => {
    const { found } = await ofRun(() => {});
    expect(found.splits).toEqual([]);
  });
});
