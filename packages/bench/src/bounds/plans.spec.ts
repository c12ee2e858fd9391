import { platformNamed, type Request } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundsOf } from './bounds.ts';
import { exactPlans } from './exact.ts';
import { ANYWHERE, type PageItem, roomyMemory } from './items.ts';
import { momentsOf } from './moments.ts';
import { emptyMask, mark, takeFree } from './page-mask.ts';
import { planOf } from './plan.ts';
import { allocate, free } from './testing.ts';
import {
  bestPlans,
  heuristicPackings,
  offlineBound,
  recordItems,
  replayPlan,
  requestBounds,
} from './testing-at-once.ts';

const SNP = platformNamed('snp');
const item = (told: Partial<PageItem>): PageItem => ({
  ...{ pages: 1, align: 1, start: 0, end: 1, lifeNs: 0, place: ANYWHERE },
  ...{ mayConvertAtStart: true, mayConvertAtEnd: true },
  ...told,
});
const P = 4;
const moments = momentsOf([free(1, 0), free(2, 10)], [], 10);
const many = (count: number) => Array.from({ length: count }, () => item({ pages: P, align: P }));

describe('all ways to spread items', () => {
  it('are tried for up to eight items of up to a block, of one place and in one piece', () => {
    const plans = (items: readonly PageItem[]) => exactPlans(items, P, moments)?.length;
    expect([plans(many(1)), plans(many(8)), plans(many(9))]).toEqual([1, 1, undefined]);
    // Three single pages: together, two and one in three ways, or each alone.
    expect(plans([item({}), item({}), item({})])).toBe(5);
    expect(plans([item({ pages: P + 1, align: 8 })])).toBeUndefined();
    expect(plans([item({ pages: 2, align: 0 })])).toBeUndefined();
    expect(plans([item({}), item({ place: '1/Normal' })])).toBeUndefined();
  });
});

it('the heuristics give three packings, and five more if there are few pairs of item and block', () => {
  const items = many(3);
  const count = (pairs: number) => heuristicPackings(items, P, 2, pairs).length;
  expect([count(8), count(9)]).toEqual([3, 8]);
  const inOne = (pairs: number) => heuristicPackings([item({}), item({})], P, 2, pairs).length;
  expect([inOne(1), inOne(2)]).toEqual([3, 8]);
  expect(heuristicPackings(items, P, 2, 8).every((packing) => packing.length === 3)).toBe(true);
});

it('the best plan at peak takes the fewest block-ns of those, and the best by time the fewest blocks', () => {
  const requests = Array.from({ length: 7 }, (_, at) => free(at + 1, at * at * 3));
  const items = [
    item({ pages: 2, align: 2, start: 0, end: 3 }),
    item({ pages: 2, align: 2, start: 1, end: 6 }),
    item({ pages: 3, align: 4, start: 2, end: 4 }),
    item({ pages: 1, start: 4, end: 6 }),
    item({ pages: 2, align: 2, start: 5, end: 6 }),
  ];
  const at = momentsOf(requests, items, requests[6].time);
  const costs = (exactPlans(items, P, at) ?? []).map(({ blocksPeak, blockNs }) => [
    blocksPeak,
    Number(blockNs),
  ]);
  expect(costs.length).toBeGreaterThan(3);
  const { byPeak, byBlockTime } = bestPlans(items, P, at, 1000);
  const [fewest] = costs.toSorted(([a, c], [b, d]) => a - b || c - d);
  const [shortest] = costs.toSorted(([a, c], [b, d]) => c - d || a - b);
  expect([byPeak.blocksPeak, Number(byPeak.blockNs)]).toEqual(fewest);
  expect([byBlockTime.blocksPeak, Number(byBlockTime.blockNs)]).toEqual(shortest);
});

/** Items over seven requests at these times; some end where others begin. */
const TIMES = [0, 3, 3, 10, 12, 12, 40];
const someItems = fc.array(
  fc
    .record({ pages: fc.integer({ min: 1, max: P }), start: fc.nat(5), length: fc.nat(5) })
    .map(({ pages, start, length }) => {
      const end = Math.min(6, start + 1 + length);
      return item({ pages, align: 2 ** Math.ceil(Math.log2(pages)), start, end });
    }),
  { minLength: 1, maxLength: 5 },
);

it('of plans that are equal in the one, the best is the one that is least in the other', () => {
  const requests = TIMES.map((time, at) => free(at + 1, time));
  fc.assert(
    fc.property(someItems, (items) => {
      const at = momentsOf(requests, items, TIMES[6]);
      const costs = (exactPlans(items, P, at) ?? []).map(
        ({ blocksPeak, blockNs }) => [blocksPeak, Number(blockNs)] as const,
      );
      const { byPeak, byBlockTime } = bestPlans(items, P, at, 1000);
      const [fewest] = costs.toSorted(([a, c], [b, d]) => a - b || c - d);
      const [shortest] = costs.toSorted(([a, c], [b, d]) => c - d || a - b);
      expect([byPeak.blocksPeak, Number(byPeak.blockNs)]).toEqual(fewest);
      expect([byBlockTime.blocksPeak, Number(byBlockTime.blockNs)]).toEqual(shortest);
    }),
    { numRuns: 200 },
  );
});

it('free pages are taken from behind a single used one', () => {
  const mask = emptyMask(64);
  mark(mask, 0, 1, true);
  const runs: number[][] = [];
  takeFree(mask, 64, 3, (first, pages) => runs.push([first, pages]));
  expect(runs).toEqual([[1, 3]]);
});

it('a block that nobody can share in time is no plan', () => {
  const items = [item({ place: '1/Normal', mayConvertAtStart: false })];
  const packing = [[{ block: 0, first: 0, pages: 1 }]];
  expect(() => planOf(items, packing, momentsOf([free(1)], items, 0))).toThrow(
    new RangeError('nothing at 1/Normal can be shared before request 0'),
  );
});

it('a plan is carried out in pieces where it says so, and is refused if it costs something else', () => {
  const requests: Request[] = [
    allocate(1, 256),
    allocate(2, 512),
    free(1, 10),
    allocate(3, 700, { api: 'vmalloc', time: 20 }),
    free(2, 30),
    free(3, 40),
  ];
  const memory = roomyMemory(2000, 1)!;
  const items = recordItems(requests, SNP, memory)!;
  const at = momentsOf(requests, items, 40);
  const { byPeak } = bestPlans(items, 512, at, 1000);
  const { blocksPeak, blockNs } = byPeak;
  expect(replayPlan(items, byPeak, at, memory, SNP)).toEqual({ blocksPeak, blockNs });
  for (const wrong of [{ blocksPeak: blocksPeak + 1 }, { blockNs: blockNs + 1n }])
    expect(() => replayPlan(items, { ...byPeak, ...wrong }, at, memory, SNP)).toThrow(
      /a defect: the offline plan is for/,
    );
});

it('the pages of a packing at peak are those that live at one time', () => {
  const requests = [allocate(1, 3), allocate(2, 5), free(1, 1), allocate(3, 2, { time: 2 }), free(2, 3)];
  expect(offlineBound(requests, SNP)).toMatchObject({ kind: 'packing', items: 3, pagesPeak: 8 });
});

it('upper bounds are those of the best run, whichever comes first', () => {
  const known = requestBounds({
    requests: [allocate(1, 1, { node: 0, gfp: 1 }), free(1, 1e9)],
    ...{ platform: SNP, pagesPerBlock: 512, isPackingWanted: false },
  });
  const runs = [
    { policy: 'a', bounded: { blocksPeak: 3, blockNs: 4_000_000_000n } },
    { policy: 'b', bounded: { blocksPeak: 2, blockNs: 6_000_000_000n } },
    { policy: 'c', bounded: { blocksPeak: 4, blockNs: 5_000_000_000n } },
  ];
  for (const order of [runs, runs.toReversed()]) {
    const { blocksPeak, blockSeconds } = boundsOf(known, order);
    expect([blocksPeak.upperFrom, blockSeconds.upperFrom]).toEqual(['b', 'a']);
    expect([blocksPeak.upper, blockSeconds.upper]).toEqual([2, 4]);
  }
});
