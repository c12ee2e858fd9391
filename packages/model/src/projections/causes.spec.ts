import { expect, it } from 'vitest';
import { batchOf, type Told } from '../testing.ts';
import { allocationId, pfn } from '../units.ts';
import { BootPoolEvents } from './boot-pool.ts';
import { type Cause, Causes } from './causes.ts';
import { Owners } from './owners.ts';

/** What caused each event, in batches of so many. */
function causesOf(events: readonly Told[], size: number, hasBootPool = false): Cause[] {
  const bootPool = new BootPoolEvents(hasBootPool ? { swiotlb: { bytes: 2 ** 21, dynamic: false } } : {});
  const owners = new Owners();
  const causes = new Causes(owners, bootPool);
  const found: Cause[] = [];
  for (let first = 0; first < events.length; first += size) {
    const batch = batchOf(events.slice(first, first + size), first);
    for (let row = 0; row < batch.length; row++) {
      for (const projection of [bootPool, owners, causes]) projection.observe(batch, row);
      found.push(causes.of(batch, row));
      expect(causes.by(batch, row)).toBe(found.at(-1)?.by);
    }
  }
  return found;
}

const range = { pfn: pfn(512), pages: 512 } as const;
const claimed: Told = { type: 'pages-claimed', ...range, migratetype: 'Unmovable' };
const decrypted: Told = { type: 'pages-decrypted', ...range };
const slab: Told = { type: 'slab-created', ...range, allocation: allocationId(0), unitBytes: 2048, cache: 0 };
const nvme: Told = { type: 'owner-registered', owner: 0, name: 'nvme' };
const asked: Told = {
  ...{ type: 'allocation-requested', allocation: allocationId(1), api: 'alloc_pages' },
  ...{ pages: 1, bytes: 1, owner: 0, request: 1, time: 10 },
};
const background: Told = {
  type: 'background-allocated',
  ...range,
  migratetype: 'Movable',
  request: 2,
  time: 30,
};

it.each([1, 2, 100])('an event is caused by its request, or later by the worker; batches of %i', (size) => {
  const events = [
    nvme,
    claimed,
    asked,
    { ...decrypted, request: 1, time: 10 },
    { ...decrypted, request: 1, time: 11 },
    background,
    { ...decrypted, request: 2, time: 30 },
    { ...decrypted, request: 1, time: 30 },
  ];
  const byRequest = { by: 'request', event: { ...asked, seq: 2 }, owner: 'nvme' };
  const byOthers = { by: 'request', event: { ...background, seq: 5 } };
  expect(causesOf(events, size)).toEqual([
    { by: 'boot' },
    { by: 'boot' },
    byRequest,
    byRequest,
    { by: 'worker', afterRequest: 1 },
    byOthers,
    byOthers,
    { by: 'worker', afterRequest: 1 },
  ]);
});

it('what a boot pool needs before the first request is its own', () => {
  const causes = causesOf([claimed, decrypted, slab, claimed, asked], 2, true);
  expect(causes.map(({ by }) => by)).toEqual(['boot pool', 'boot pool', 'boot pool', 'boot', 'request']);
});

it('a request that is skipped is a cause without an owner, if it is about a chunk that was never requested', () => {
  const skipped: Told = { type: 'request-skipped', allocation: 0, what: 'background-free', request: 3 };
  expect(causesOf([nvme, skipped], 1)[1]).toEqual({ by: 'request', event: { ...skipped, time: 0, seq: 1 } });
});
