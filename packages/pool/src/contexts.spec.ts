import { GFP, nanoseconds, type PoolEvent } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { freshBoot } from './page-source/profiles.ts';
import { conversionsIn, eventsOf, lastRefusal, MIB, SOME_POLICIES, watched } from './testing.ts';

const { GFP_ATOMIC, GFP_NOWAIT } = GFP;
const POOLS = SOME_POLICIES.filter((name) => name.includes('+'));
const SECOND = 1_000_000_000;
const DELAY = 5000;

/** Events of one request, at the time of the request: the deferred worker's come later and bear the same number. */
const during = (events: readonly PoolEvent[], request: number, time: number) =>
  events.filter((event) => event.request === request && event.time === time);

// A block of the pool that the worker returns is nobody's any more.
const BY_OWNER = SOME_POLICIES.filter((name) => !name.includes('+block'));

it.each(BY_OWNER)('%s charges a leak to whose pages they were, also when the worker frees them', (policy) => {
  const { pool, events } = watched(policy, {
    faults: { seed: 1, decrypt: 0, encrypt: 1, converted: 0, retries: 0 },
    swiotlb: { bytes: 4 * MIB, dynamic: false },
  });
  const held = pool.alloc_pages(2, { owner: 'driver A' });
  if (!held.ok) return;
  pool.free(held.allocation, 10, GFP_ATOMIC);
  pool.complete();
  const names = new Map(eventsOf(events, 'owner-registered').map(({ owner, name }) => [owner, name]));
  for (const { owner } of eventsOf(events, 'pages-leaked')) expect(names.get(owner)).toBe('driver A');
});

it('the end of a run from inside a subscriber is refused, and the pool goes on', () => {
  const { pool } = watched('first-fit+block+immediate');
  const refusals: unknown[] = [];
  const subscription = pool.events$.subscribe(() => {
    try {
      pool.complete();
    } catch (error) {
      refusals.push(error);
    }
  });
  pool.alloc_pages(0, { owner: 'x' });
  subscription.unsubscribe();
  expect(refusals.length).toBeGreaterThan(0);
  expect(String(refusals[0])).toMatch(/the end of a run from inside a subscriber/);
  expect(pool.alloc_pages(0, { owner: 'x' }).ok).toBe(true);
});

it.each([0, -1, 1.5, Number.NaN])('batches of %d events are refused', (batchRows) => {
  expect(() => watched('first-fit+block+immediate', { batchRows })).toThrow(
    `batches of ${batchRows} events: must be a whole number from 1`,
  );
});

describe.each(['cca', 'pkvm'] as const)('on %s, where no conversion sleeps', (platform) => {
  it.each(['linux-7.3', 'gfp-decrypted', 'first-fit+block+immediate'])(
    '%s converts for a caller that may not sleep, both ways',
    (policy) => {
      const { pool, events } = watched(policy, { platform });
      pool.alloc_pages(0, { owner: 'boot' });
      const table = pool.alloc_pages(9, { owner: 'its LPI pending table', gfp: GFP_NOWAIT, at: 20 });
      pool.free(table.allocation, 30, GFP_ATOMIC);
      expect(table.ok).toBe(true);
      expect(eventsOf(events, 'pages-decrypted').at(-1)).toMatchObject({ pages: 512, time: 20 });
      expect(eventsOf(events, 'pages-encrypted').at(-1)).toMatchObject({ pages: 512, time: 30 });
    },
  );
});

it('where a conversion may have to split a mapping, none happens for a caller that may not sleep', () => {
  for (const platform of ['cca-bbml3', 'snp', 'tdx', 'hyperv-vtom'] as const) {
    const { pool, events } = watched('linux-7.3', { platform });
    expect(pool.alloc_pages(4, { owner: 'its LPI pending table', gfp: GFP_NOWAIT }).ok).toBe(false);
    expect(lastRefusal(events)).toBe('would-sleep');
  }
});

describe.each([
  ['GFP_ATOMIC', GFP_ATOMIC],
  ['GFP_NOWAIT', GFP_NOWAIT],
])('a caller with %s', (_, gfp) => {
  const atomic = { owner: 'irq', gfp };
  const sleeping = { owner: 'probe' };

  it('gets nothing from a pool that holds nothing shared, and nothing happens for it', () => {
    for (const policy of ['first-fit+block+immediate', 'first-fit+page+immediate']) {
      const { pool, events } = watched(policy);
      for (const refused of [
        pool.alloc_pages(0, atomic),
        pool.vmalloc(3, atomic),
        pool.kmalloc(100, atomic),
        pool.dma_alloc_coherent(100, atomic),
      ]) {
        expect(refused.ok).toBe(false);
        expect(lastRefusal(events)).toBe('would-sleep');
      }
      const types = new Set(events.map(({ type }) => type));
      expect(types).toEqual(new Set(['owner-registered', 'allocation-requested', 'allocation-failed']));
    }
  });

  it('is served from what is shared already', () => {
    const { pool, events } = watched('first-fit+block+immediate');
    pool.alloc_pages(0, sleeping);
    const before = events.length;
    for (const served of [
      pool.alloc_pages(3, atomic),
      pool.vmalloc(40, atomic),
      pool.kmalloc(100, atomic),
      pool.dma_alloc_coherent(100, atomic),
    ]) {
      expect(served.ok).toBe(true);
    }
    expect(conversionsIn(events.slice(before))).toEqual([]);
    expect(eventsOf(events.slice(before), 'pages-claimed')).toEqual([]);
  });

  it('gets no free page of a pool that keeps those private', () => {
    const { pool, events } = watched('first-fit+page+never-return');
    pool.alloc_pages(0, sleeping);
    expect(pool.counters.claimedPages).toBe(512);
    expect(pool.alloc_pages(0, atomic).ok).toBe(false);
    expect(lastRefusal(events)).toBe('would-sleep');
  });

  it('that wants more than is shared gets nothing at all, also for vmalloc', () => {
    for (const policy of [
      'first-fit+block+reserve:512:512+immediate',
      'first-fit+page+reserve:512:512+immediate',
    ]) {
      const { pool, events } = watched(policy);
      expect(pool.vmalloc(513, atomic).ok).toBe(false);
      expect(lastRefusal(events)).toBe('would-sleep');
      expect(eventsOf(events, 'pages-allocated')).toEqual([]);
      expect(pool.vmalloc(512, atomic).ok).toBe(true);
    }
  });

  it.each(POOLS)(
    'has %s convert nothing in its time, neither when it allocates nor when it frees',
    (policy) => {
      const { pool, events } = watched(policy, { workerDelay: DELAY });
      const live: ReturnType<typeof pool.alloc_pages>[] = [];
      for (let round = 0; round < 40; round++) {
        const options = round % 3 === 0 ? sleeping : atomic;
        const at = round * 2000;
        const all = [
          () => pool.alloc_pages(round % 4, { ...options, at }),
          () => pool.vmalloc(1 + round, { ...options, at }),
          () => pool.kmalloc(100 * round + 1, { ...options, at }),
        ];
        const result = all[round % all.length]();
        if (result.ok) live.push(result);
        const gone = round % 2 === 0 ? live.shift() : undefined;
        if (gone !== undefined) pool.free(gone.allocation, at, gfp);
      }
      pool.complete();
      const asked = [...eventsOf(events, 'allocation-requested'), ...eventsOf(events, 'free-requested')];
      const atomically = asked.filter((event) => event.gfp !== undefined);
      expect(atomically.length).toBeGreaterThan(20);
      for (const { request, time } of atomically) {
        expect(conversionsIn(during(events, request, time))).toEqual([]);
      }
      expect(conversionsIn(events).length).toBeGreaterThan(0);
    },
  );
});

describe('a free by a caller that may not sleep', () => {
  it('leaves the pages as they are until the deferred worker has made them private', () => {
    const { pool, events } = watched('first-fit+page+immediate', { workerDelay: DELAY });
    const { allocation } = pool.vmalloc(5, { owner: 'x' });
    pool.free(allocation, SECOND, GFP_ATOMIC);
    expect(pool.view.isLive(allocation)).toBe(false);
    expect(events.slice(-2)).toMatchObject([
      { type: 'free-requested', gfp: 'GFP_ATOMIC', time: SECOND },
      { type: 'vm-area-unmapped', time: SECOND },
    ]);
    const other = pool.alloc_pages(0, { owner: 'x', at: SECOND + DELAY - 1 });
    expect(eventsOf(events, 'pages-freed')).toEqual([]);
    expect(other.ok && other.extents[0].pfn).toBe(pool.view.extentPfn(allocation) + 5);
    pool.alloc_pages(0, { owner: 'x', at: 2 * SECOND });
    for (const type of ['pages-freed', 'pages-encrypted'] as const) {
      expect(eventsOf(events, type)).toMatchObject([{ pages: 5, time: SECOND + DELAY }]);
    }
  });

  it('gives the pages of a block to others at once where no conversion is needed, and the block back later', () => {
    const { pool, events } = watched('first-fit+block+immediate', { workerDelay: DELAY });
    const { allocation } = pool.alloc_pages(4, { owner: 'x', at: SECOND });
    pool.free(allocation, SECOND, GFP_ATOMIC);
    expect(events.at(-1)).toMatchObject({ type: 'pages-freed', time: SECOND });
    expect(pool.counters.sharedPages).toBe(512);
    pool.complete();
    expect(events.slice(-2)).toMatchObject([
      { type: 'pages-encrypted', pages: 512, time: SECOND + DELAY },
      { type: 'pages-returned', pages: 512, time: SECOND + DELAY },
    ]);
  });

  it('keeps the block when somebody uses it again before the worker comes', () => {
    const { pool, events } = watched('first-fit+block+immediate', { workerDelay: DELAY });
    pool.free(pool.alloc_pages(4, { owner: 'x' }).allocation, 0, GFP_ATOMIC);
    pool.alloc_pages(0, { owner: 'x', at: 1, gfp: GFP_ATOMIC });
    pool.complete();
    expect(eventsOf(events, 'pages-encrypted')).toEqual([]);
    expect(pool.counters).toMatchObject({ sharedPages: 512, livePages: 1 });
  });

  it('of the last object leaves an empty slab to the worker, unless an object is put there before', () => {
    const { pool, events } = watched('first-fit+page+immediate', { workerDelay: DELAY });
    pool.free(pool.kmalloc(100, { owner: 'x' }).allocation, 0, GFP_ATOMIC);
    const second = pool.kmalloc(100, { owner: 'x', at: 1, gfp: GFP_ATOMIC });
    expect(second.ok && second.object).toMatchObject({ slab: 1, unit: 0 });
    pool.alloc_pages(0, { owner: 'x', at: SECOND });
    expect(eventsOf(events, 'slab-destroyed')).toEqual([]);
    pool.free(second.allocation, SECOND, GFP_ATOMIC);
    pool.complete();
    expect(eventsOf(events, 'slab-destroyed')).toMatchObject([
      { slab: 1, allocation: second.allocation, time: SECOND + DELAY },
    ]);
    expect(pool.counters).toMatchObject({ liveSlabs: 0, liveObjects: 0, slabPages: 0 });
  });

  it('cannot be made twice, though the pages are not gone yet', () => {
    const { pool } = watched('first-fit+page+immediate');
    const { allocation } = pool.alloc_pages(0, { owner: 'x' });
    pool.free(allocation, 0, GFP_ATOMIC);
    expect(() => pool.free(allocation)).toThrow('it is not live');
  });
});

describe('the deferred worker', () => {
  it('runs as late as it is told, before the request that comes after that time', () => {
    for (const workerDelay of [0, 1, DELAY]) {
      const { pool, events } = watched('first-fit+page+immediate', { workerDelay });
      pool.free(pool.alloc_pages(0, { owner: 'x', at: 10 }).allocation, 10, GFP_ATOMIC);
      pool.alloc_pages(0, { owner: 'x', at: 10 + workerDelay });
      const types = events.map(({ type }) => type);
      expect(eventsOf(events, 'pages-encrypted')).toMatchObject([{ time: 10 + workerDelay }]);
      expect(types.indexOf('pages-encrypted')).toBeLessThan(types.lastIndexOf('allocation-requested'));
      expect(pool.header.workerDelay).toBe(workerDelay);
    }
  });

  it('does at the end of a run what is left', () => {
    const { pool } = watched('first-fit+page+immediate', { workerDelay: SECOND });
    pool.free(pool.alloc_pages(0, { owner: 'x' }).allocation, 0, GFP_ATOMIC);
    expect(pool.counters.livePages).toBe(1);
    pool.complete();
    expect(pool.counters).toMatchObject({ livePages: 0, claimedPages: 0, time: SECOND });
  });
});

describe('a subscriber to what the deferred worker does', () => {
  it('cannot make requests, neither during a run nor at its end', () => {
    for (const end of ['request', 'complete'] as const) {
      const { pool } = watched('first-fit+page+immediate', { workerDelay: DELAY });
      pool.free(pool.alloc_pages(0, { owner: 'x' }).allocation, 0, GFP_ATOMIC);
      const refused: unknown[] = [];
      pool.events$.subscribe(() => {
        try {
          pool.alloc_pages(0, { owner: 'sneaky' });
        } catch (error) {
          refused.push(error);
        }
      });
      if (end === 'complete') pool.complete();
      else pool.alloc_pages(0, { owner: 'x', at: SECOND });
      expect(refused.length).toBeGreaterThanOrEqual(3);
      for (const error of refused)
        expect(error).toHaveProperty('message', expect.stringContaining('inside a subscriber'));
      expect(pool.view.owners).not.toContain('sneaky');
    }
  });
});

describe('a request that names no time', () => {
  it('comes at the time of the last one, also when that came to nothing', () => {
    const { pool, events } = watched('first-fit+block+immediate', { memory: freshBoot(96 * MIB) });
    const { allocation } = pool.alloc_pages(0, { owner: 'x' });
    pool.request({ kind: 'background-free', key: 7, time: nanoseconds(9) });
    pool.free(allocation);
    expect(eventsOf(events, 'free-requested')).toMatchObject([{ time: 9 }]);
  });
});
