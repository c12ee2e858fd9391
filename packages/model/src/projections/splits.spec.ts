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
