import { expect, it } from 'vitest';
import { EventRows } from '../events/batch.ts';
import { x86Geometry } from '../geometry.ts';
import { platformNamed } from '../platforms/all.ts';
import { allocationId, pfn } from '../units.ts';
import { RunProjections } from './run.ts';

const owner = (number: number, name: string) => ({ type: 'owner-registered', owner: number, name });
const requested = (allocation: number, owner: number) => ({
  type: 'allocation-requested',
  allocation,
  api: 'alloc_pages_exact',
  pages: 1,
  bytes: 1,
  owner,
});
const split = (start: number, level: 2 | 3) => ({ type: 'large-page-split', pfn: pfn(start), level });

it('tells whose requests split pages and leaked them, the most first', () => {
  const run = new RunProjections({ geometry: x86Geometry(8 * 512), platform: platformNamed('snp') });
  const events = [
    owner(0, 'nvme'),
    { ...requested(1, 0), request: 1, time: 10 },
    { ...split(0, 2), request: 1, time: 10 },
    owner(1, 'netvsc'),
    { ...requested(2, 1), request: 2, time: 20 },
    { ...split(0, 3), request: 2, time: 20 },
    { ...split(512, 2), request: 2, time: 20 },
    { ...split(1024, 2), request: 2, time: 20 },
    // The deferred worker, later, for nobody.
    { ...split(2048, 2), request: 2, time: 99 },
    { type: 'free-requested', allocation: allocationId(1), request: 3, time: 100 },
    { ...split(4096, 2), request: 3, time: 100 },
    { type: 'pages-leaked', pfn: pfn(4096), pages: 3, owner: 0, request: 3, time: 100 },
  ];
  for (const [seq, event] of events.entries()) {
    const rows = new EventRows(1);
    rows.appendObject(event);
    run.observe(rows.seal(seq), 0);
  }
  expect(run.splits.figures()).toEqual([
    { owner: 'nvme', splits2M: 2, splits1G: 0, leakedPages: 3 },
    { owner: 'netvsc', splits2M: 2, splits1G: 1, leakedPages: 0 },
    { owner: 'no request', splits2M: 1, splits1G: 0, leakedPages: 0 },
  ]);
  const none = { '2M': 0, '1G': 0, '32M': 0, '64K': 0 };
  expect(run.splits.groups()).toEqual([
    { cause: 'request', owner: 'nvme', splits: { ...none, '2M': 2 }, requests: 2, firstSeq: 2 },
    { cause: 'request', owner: 'netvsc', splits: { ...none, '2M': 2, '1G': 1 }, requests: 1, firstSeq: 5 },
    { cause: 'worker', splits: { ...none, '2M': 1 }, requests: 0, firstSeq: 8 },
  ]);
});

/** Splits by owner after some events, which begin at event 100. */
function splitsAfter(events: readonly object[], hasBootPool = false) {
  const run = new RunProjections({
    ...{ geometry: x86Geometry(8 * 512), platform: platformNamed('snp') },
    ...(hasBootPool ? { swiotlb: { bytes: 2 ** 21, dynamic: false } } : {}),
  });
  const rows = new EventRows(events.length);
  for (const event of events) rows.appendObject(event);
  const batch = rows.seal(100);
  for (let row = 0; row < batch.length; row++) run.observe(batch, row);
  return run.splits;
}

it('counts splits of each level by itself', () => {
  const contiguous = (level: 1 | 2) => ({ type: 'contiguous-split', pfn: pfn(0), level });
  const splits = splitsAfter([
    ...[split(0, 2), split(0, 3), split(512, 3)],
    ...[contiguous(1), contiguous(2), contiguous(1), contiguous(1), contiguous(1)],
    { type: 'large-page-restored', pfn: pfn(0) },
  ]);
  expect(splits.groups()).toStrictEqual([
    {
      cause: 'boot',
      splits: { '2M': 1, '1G': 2, '32M': 1, '64K': 4 },
      requests: 0,
      firstSeq: 100,
    },
  ]);
  expect(splits.ofBootPool).toEqual({ '2M': 0, '1G': 0, '32M': 0, '64K': 0 });
});

it('tells the splits of a boot pool apart', () => {
  const claimed = { type: 'pages-claimed', pfn: pfn(0), pages: 512, migratetype: 'Unmovable' };
  const splits = splitsAfter([claimed, split(0, 3), split(0, 2), claimed, split(512, 2)], true);
  expect(splits.ofBootPool).toEqual({ '2M': 1, '1G': 1, '32M': 0, '64K': 0 });
  expect(splits.groups().map(({ cause, firstSeq }) => [cause, firstSeq])).toEqual([['boot', 104]]);
  expect(splits.figures()).toEqual([{ owner: 'no request', splits2M: 1, splits1G: 0, leakedPages: 0 }]);
});

it('lists the owners by 2M splits, then by leaked pages, then by name, and none that did neither', () => {
  const names = ['b', 'd', 'a', 'c', 'e'];
  const of = (owner: number, event: object) => ({ ...event, request: owner + 1, time: owner + 1 });
  const leaked = (owner: number, pages: number) => ({ type: 'pages-leaked', pfn: pfn(0), pages, owner });
  const splits = splitsAfter([
    ...names.map((name, number) => owner(number, name)),
    ...names.flatMap((_, number) => [
      of(number, requested(number + 1, number)),
      ...(number === 4
        ? [of(number, { type: 'contiguous-split', pfn: pfn(0), level: 1 })]
        : [of(number, split(0, 2)), of(number, split(512, 3))]),
    ]),
    ...[of(1, leaked(1, 2)), of(1, leaked(1, 3)), of(0, split(1024, 2)), leaked(9, 1)],
  ]);
  const figures = splits.figures().map((one) => [one.owner, one.splits2M, one.splits1G, one.leakedPages]);
  // The last split comes after the requests of others: the deferred worker's.
  expect(figures).toEqual([
    ['d', 1, 1, 5],
    ['no request', 1, 0, 1],
    ['a', 1, 1, 0],
    ['b', 1, 1, 0],
    ['c', 1, 1, 0],
  ]);
});
