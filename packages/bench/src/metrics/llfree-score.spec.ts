import {
  allocationId,
  type BlockIndex,
  type EventBatch,
  nanoseconds,
  pfn,
  platformNamed,
  type Request,
} from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { freePagesAtStart } from '@decpool/pool/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { llfreeScoreMetrics } from './llfree-score.ts';
import { byMetric, metricsOfRun } from './metric.ts';
import { allocated, decrypted, freed, measure, slabCreated } from './testing.ts';

const MEMORY = freshBoot(256 * 2 ** 20);

const allocate = (allocation: number, pages: number): Request => ({
  kind: 'allocate',
  time: nanoseconds(0),
  allocation: allocationId(allocation),
  api: 'alloc_pages',
  pages,
  bytes: pages * 4096,
  owner: 'a',
});
const free = (allocation: number): Request => ({
  kind: 'free',
  time: nanoseconds(0),
  allocation: allocationId(allocation),
});

/** The metric's values, and the score after each request counted block by block from the state. */
function scoresOf(policy: string, requests: readonly Request[]) {
  const pool = new Pool({ memory: MEMORY, platform: platformNamed('snp'), policy: policyNamed(policy) });
  const metrics = metricsOfRun(pool.header);
  pool.batches$.subscribe((batch: EventBatch) => metrics.observe(batch));
  const atStart = freePagesAtStart(MEMORY, pool.header.geometry, pool.header.seed);
  pool.events$.subscribe((event) => {
    if (event.type === 'page-table-allocated') atStart[Math.floor(event.pfn / 512)]--;
  });
  const expected = requests.map((request) => {
    pool.request(request);
    const freeIn = atStart.map((pages, block) => pages - pool.view.block(block as BlockIndex).allocated);
    const pages = freeIn.reduce((sum, free) => sum + free, 0);
    return (100 * freeIn.filter((free) => free === 512).length) / (pages >> 9);
  });
  pool.complete();
  const values = byMetric(metrics.values(pool.counters).map(({ id, value }) => [id, value] as const));
  return { mean: values['llfree-score'], end: values['llfree-score-end'], expected };
}

/** Allocations of 128 KiB to 2 MiB, and frees of what still lives. */
const requestLists = fc
  .array(fc.record({ order: fc.integer({ min: 5, max: 9 }), free: fc.option(fc.nat(), { freq: 1 }) }), {
    minLength: 20,
    maxLength: 120,
  })
  .map((steps) => {
    const live: number[] = [];
    let named = 0;
    return steps.map(({ order, free: which }) => {
      if (which !== null && live.length > 0) return free(live.splice(which % live.length, 1)[0]);
      live.push(++named);
      return allocate(named, 1 << order);
    });
  });

it('is that of the state after each request, whatever the policy holds', () => {
  let torn = 0;
  fc.assert(
    fc.property(
      fc.constantFrom('linux-7.3', 'first-fit+block+never-return', 'best-fit+page+immediate'),
      requestLists,
      (policy, requests) => {
        const { mean, end, expected } = scoresOf(policy, requests);
        expect(end).toBe(expected.at(-1));
        expect(mean).toBeCloseTo(expected.reduce((sum, score) => sum + score, 0) / expected.length, 10);
        if (mean < 100) torn++;
      },
    ),
    // The same lists each time: whether enough of them tear a block is no matter of chance.
    { numRuns: randomRuns(120), seed: 1 },
  );
  expect(torn).toBeGreaterThan(randomRuns(10));
});

it('falls by a block when a page of it is taken, and comes back when that is freed', () => {
  const history = [
    { type: 'background-freed' as const, pfn: pfn(0), pages: 2048 },
    allocated(1, 0, 1),
    allocated(2, 512, 1),
    freed(1, 0, 1),
  ];
  const after = (events: number) => measure(llfreeScoreMetrics, history.slice(0, events))['llfree-score-end'];
  // The free pages left could fill three blocks, and three are whole; then two; then three.
  expect([after(2), after(3), after(4)]).toEqual([100, (100 * 2) / 3, 100]);
});

it('counts memory that was in use at the start, and what others take, as used', () => {
  // The memory of the specs by hand has nothing free.
  const others = (type: 'background-freed', start: number, pages: number) => ({
    type,
    pfn: pfn(start),
    pages,
  });
  const after = (events: number) =>
    measure(
      llfreeScoreMetrics,
      [
        others('background-freed', 0, 1024),
        { type: 'background-allocated' as const, pfn: pfn(0), pages: 1, migratetype: 'Movable' as const },
        allocated(1, 513, 1),
      ].slice(0, events),
    )['llfree-score-end'];
  expect(after(1)).toBe(100);
  // 1023 free pages could fill one block, and one is whole.
  expect(after(2)).toBe(100);
  expect(after(3)).toBe(0);
});

it('is 100 where less than a block is free: nothing could be whole', () => {
  expect(measure(llfreeScoreMetrics, [])).toEqual({ 'llfree-score': 100, 'llfree-score-end': 100 });
});

it('counts bounce buffers and leaked pages as used, and the pages of a slab once', () => {
  const start = { type: 'background-freed' as const, pfn: pfn(0), pages: 2048 };
  const score = (...events: Parameters<typeof measure>[1][number][]) =>
    measure(llfreeScoreMetrics, [start, ...events])['llfree-score-end'];
  expect(score(decrypted(0, 1))).toBe(100);
  expect(score(slabCreated(0, 1, 2048), slabCreated(512, 1, 2048))).toBe((100 * 2) / 3);
  expect(score({ type: 'pages-leaked', pfn: pfn(0), pages: 512, owner: 0 })).toBe(100);
  expect(score(allocated(1, 0, 1), slabCreated(0, 1, 256, 1))).toBe(100);
});

it('takes a block that compaction emptied for free, and as many pages elsewhere for used', () => {
  const start = { type: 'background-freed' as const, pfn: pfn(0), pages: 1024 + 500 };
  const taken = allocated(1, 0, 12);
  const compacted = { type: 'block-compacted' as const, pfn: pfn(1024), pages: 12 };
  expect(measure(llfreeScoreMetrics, [start, taken])['llfree-score-end']).toBe(50);
  expect(measure(llfreeScoreMetrics, [start, taken, compacted])['llfree-score-end']).toBe(100);
});
