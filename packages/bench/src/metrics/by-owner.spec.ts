import { allocationId, EventRows, pfn } from '@decpool/model';
import { expect, it } from 'vitest';
import { ByOwner } from './by-owner.ts';
import { requested } from './testing.ts';

const owner = (number: number, name: string) => ({ type: 'owner-registered', owner: number, name });
const split = (start: number, level: 2 | 3) => ({ type: 'large-page-split', pfn: pfn(start), level });

it('tells whose requests split pages and leaked them, the most first', () => {
  const byOwner = new ByOwner();
  const events = [
    owner(0, 'nvme'),
    { ...requested(1, 1, 1), owner: 0, request: 1, time: 10 },
    { ...split(0, 2), request: 1, time: 10 },
    owner(1, 'netvsc'),
    { ...requested(2, 1, 1), owner: 1, request: 2, time: 20 },
    { ...split(0, 3), request: 2, time: 20 },
    { ...split(512, 2), request: 2, time: 20 },
    { ...split(1024, 2), request: 2, time: 20 },
    // The deferred worker, later, for nobody.
    { ...split(2048, 2), request: 2, time: 99 },
    { type: 'free-requested', allocation: allocationId(1), request: 3, time: 100 },
    { ...split(4096, 2), request: 3, time: 100 },
    { type: 'pages-leaked', pfn: pfn(4096), pages: 3, owner: 0, request: 3, time: 100 },
  ];
  for (const event of events) {
    const rows = new EventRows(1);
    rows.appendObject(event);
    byOwner.observe(rows.seal(0));
  }
  expect(byOwner.figures()).toEqual([
    { owner: 'nvme', splits2M: 2, splits1G: 0, leakedPages: 3 },
    { owner: 'netvsc', splits2M: 2, splits1G: 1, leakedPages: 0 },
    { owner: 'no request', splits2M: 1, splits1G: 0, leakedPages: 0 },
  ]);
});
