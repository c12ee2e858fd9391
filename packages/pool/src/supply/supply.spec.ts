import { GFP, InputError, nanoseconds } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { directMapOf, freshBoot } from '../page-source/profiles.ts';
import { oneZone } from '../page-source/testing.ts';
import { conversionsIn, eventsOf, MIB, watched } from '../testing.ts';
import { immediate } from './immediate.ts';
import { reserve } from './reserve.ts';

const owner = 'x';
const atomic = { owner, gfp: GFP.GFP_ATOMIC };
const DELAY = 1000;
/** A free page allocator's request that is none: only the deferred worker, if it is due, does something. */
const pass = (pool: ReturnType<typeof watched>['pool'], at: number) =>
  pool.request({ kind: 'background-free', key: 0, time: nanoseconds(at) });

describe('supply immediate', () => {
  it('gives a block back with its last allocation', () => {
    const { pool, events } = watched('first-fit+block+immediate');
    const [first, second] = [pool.alloc_pages(0, { owner }), pool.alloc_pages(3, { owner })];
    pool.free(first.allocation);
    expect(pool.counters.claimedPages).toBe(512);
    pool.free(second.allocation);
    expect(pool.counters).toMatchObject({ claimedPages: 0, sharedPages: 0 });
    expect(eventsOf(events, 'pages-returned')).toMatchObject([{ pages: 512 }]);
  });
});

describe('supply never-return', () => {
  it('keeps every block, shared where the conversion shares whole blocks, private where it does not', () => {
    for (const [policy, sharedPages] of [
      ['first-fit+block+never-return', 512],
      ['first-fit+page+never-return', 0],
    ] as const) {
      const { pool, events } = watched(policy);
      pool.free(pool.alloc_pages(0, { owner }).allocation);
      expect(pool.counters).toMatchObject({ claimedPages: 512, sharedPages });
      expect(eventsOf(events, 'pages-returned')).toEqual([]);
    }
  });
});

describe('a reserve', () => {
  it('is named with its watermarks, and has defaults', () => {
    const named = (...parameters: readonly string[]) => reserve(...parameters)(immediate)().name;
    expect(named()).toBe('reserve:64:512+immediate');
    expect(named('32')).toBe('reserve:32:512+immediate');
    expect(named('1000')).toBe('reserve:1000:4000+immediate');
    expect(named('64', '700')).toBe('reserve:64:700+immediate');
  });

  it.each([
    ['5', '5'],
    ['1', '1048576'],
  ])('may have the watermarks %s and %s', (low, high) => {
    expect(reserve(low, high)(immediate)().reservePages).toEqual({ low: Number(low), high: Number(high) });
  });

  it.each([[['0']], [['-1', '5']], [['9', '8']], [['x']], [['1.5']], [['1', '2', '3']], [['1', '1048577']]])(
    'cannot have %j for parameters',
    (parameters) => {
      expect(() => reserve(...parameters)).toThrow(InputError);
      expect(() => reserve(...parameters)).toThrow('expected reserve:LOW:HIGH in pages, 1 <= LOW <= HIGH');
    },
  );

  describe.each(['block', 'page'])('with conversion by %s', (conversion) => {
    const policy = `first-fit+${conversion}+reserve:100:600+immediate`;
    /** Shared pages that nobody uses. */
    const idle = ({ pool }: ReturnType<typeof watched>) =>
      pool.counters.sharedPages - pool.counters.livePages;

    it('fills the reserve before the first request, up to the high watermark', () => {
      const run = watched(policy);
      expect(run.pool.alloc_pages(0, { ...atomic, at: 5 }).ok).toBe(true);
      const [refill] = eventsOf(run.events, 'reserve-refilled');
      expect(refill).toMatchObject({ time: 0, request: 0, pages: idle(run) + 1 });
      expect(refill.pages).toBeGreaterThanOrEqual(600);
      expect(refill.pages).toBeLessThan(600 + 512);
      for (const event of conversionsIn(run.events)) expect(event).toMatchObject({ time: 0, request: 0 });
    });

    it('fills it again below the low watermark, some time later, and not between the two', () => {
      const run = watched(policy, { workerDelay: DELAY });
      const { pool, events } = run;
      pool.alloc_pages(0, atomic);
      const taken = idle(run) - 100;
      expect(pool.vmalloc(taken, { ...atomic, at: 10 }).ok).toBe(true);
      expect(idle(run)).toBe(100);
      pass(pool, 10 + 2 * DELAY);
      expect(eventsOf(events, 'reserve-refilled')).toHaveLength(1);
      const at = 10_000;
      pool.alloc_pages(0, { ...atomic, at });
      pass(pool, at + DELAY - 1);
      expect(eventsOf(events, 'reserve-refilled')).toHaveLength(1);
      pass(pool, at + DELAY);
      expect(eventsOf(events, 'reserve-refilled')[1]).toMatchObject({ time: at + DELAY });
      expect(idle(run)).toBeGreaterThanOrEqual(600);
      expect(pool.counters.refills).toBe(2);
    });

    it('serves callers that may not sleep until it is used up, and again after the worker', () => {
      const run = watched(policy, { workerDelay: DELAY });
      const { pool } = run;
      pool.alloc_pages(0, atomic);
      let served = 0;
      while (pool.alloc_pages(0, atomic).ok) served++;
      expect(served).toBeGreaterThanOrEqual(599);
      expect(idle(run)).toBe(0);
      expect(pool.alloc_pages(0, { ...atomic, at: DELAY }).ok).toBe(true);
    });

    it('fills it with smaller chunks where no block is free', () => {
      const memory = oneZone({ Unmovable: { 6: 20 } });
      const [{ ram }] = memory.zones;
      const run = watched(policy, { memory: { ...memory, directMap: directMapOf(ram) } });
      pass(run.pool, 0);
      expect(idle(run)).toBeGreaterThanOrEqual(600);
      expect(eventsOf(run.events, 'pages-claimed').map(({ pages }) => pages)).toEqual(Array(10).fill(64));
    });
  });

  it('by block: returns an empty block as long as the rest reaches the high watermark', () => {
    const { pool } = watched('first-fit+block+reserve:100:600+immediate');
    const all = Array.from({ length: 6 }, () => pool.alloc_pages(9, { owner }).allocation);
    const kept: number[] = [];
    for (const allocation of all) {
      pool.free(allocation);
      kept.push(pool.counters.sharedPages - pool.counters.livePages);
    }
    expect(kept.slice(-3)).toEqual([1024, 1024, 1024]);
    expect(pool.counters).toMatchObject({ livePages: 0, claimedPages: 1024 });
  });

  it('is never filled beyond the high watermark where it is made of pages', () => {
    for (const high of [65, 257, 300]) {
      const { pool } = watched(`first-fit+page+reserve:1:${high}+immediate`);
      pool.alloc_pages(0, { owner });
      expect(pool.counters.sharedPages).toBe(high + 1);
    }
  });

  it('by page: an empty block goes back whatever the reserve holds, since it is none of it', () => {
    const { pool } = watched('first-fit+page+reserve:64:256+immediate', { workerDelay: DELAY });
    for (let page = 0; page < 100; page++) pool.alloc_pages(0, atomic);
    const held = pool.counters.claimedPages;
    for (let round = 0; round < 10; round++) pool.free(pool.alloc_pages(9, { owner }).allocation);
    expect(pool.counters.claimedPages).toBe(held);
  });

  it.each(['page', 'block'])(
    'by %s: a zone that callers ask for has a reserve of its own soon',
    (conversion) => {
      const { pool } = watched(`first-fit+${conversion}+reserve:64:256+immediate`, {
        memory: freshBoot(5 * 1024 * MIB),
        workerDelay: DELAY,
      });
      const inDma32 = { owner, gfp: GFP.GFP_ATOMIC | GFP.__GFP_DMA32 };
      expect(pool.alloc_pages(0, { ...inDma32, at: 10 }).ok).toBe(false);
      const served = pool.alloc_pages(0, { ...inDma32, at: 10 + 2 * DELAY });
      expect(served.ok && served.extents[0].pfn < 2 ** 20).toBe(true);
      for (let round = 0; round < 300; round++) {
        expect(pool.alloc_pages(0, { ...inDma32, at: 10 + (3 + round) * DELAY }).ok).toBe(true);
      }
    },
  );

  it('by page: the reserve is no use to callers that may sleep, and what they free is private again', () => {
    const run = watched('first-fit+page+reserve:100:600+immediate', { memory: freshBoot(96 * MIB) });
    const { pool, events } = run;
    pool.alloc_pages(0, atomic);
    const reserve = pool.counters.sharedPages;
    const { allocation } = pool.vmalloc(700, { owner });
    expect(pool.counters.sharedPages).toBe(reserve + 700);
    pool.free(allocation);
    expect(pool.counters.sharedPages).toBe(reserve);
    expect(eventsOf(events, 'reserve-refilled')).toHaveLength(1);
  });

  it('by page: a page of the reserve that was used is in it again after its free, whoever frees it, at once', () => {
    for (const gfp of [0, GFP.GFP_ATOMIC]) {
      const { pool } = watched('first-fit+page+reserve:100:600+immediate', { workerDelay: DELAY });
      const { allocation } = pool.alloc_pages(2, atomic);
      const { sharedPages, hostCalls } = pool.counters;
      const page = pool.view.extentPfn(allocation);
      pool.free(allocation, 0, gfp);
      const again = pool.alloc_pages(2, atomic);
      expect(again.ok && pool.view.extentPfn(again.allocation)).toBe(page);
      pass(pool, DELAY);
      expect(pool.counters).toMatchObject({ sharedPages, hostCalls });
    }
  });

  it.each(['page', 'granule:64'])('by %s: callers that may not sleep are served for ever', (conversion) => {
    const { pool } = watched(`first-fit+${conversion}+reserve:64:512+immediate`, { workerDelay: DELAY });
    pass(pool, DELAY);
    for (let round = 0; round < 2000; round++) {
      const held = [0, 1, 2].map(() => pool.alloc_pages(3, { ...atomic, at: DELAY + round }));
      expect(held.every(({ ok }) => ok)).toBe(true);
      for (const { allocation } of held) pool.free(allocation, DELAY + round, GFP.GFP_ATOMIC);
    }
  });

  it('is of no use outside a confidential VM: nothing is held ready', () => {
    for (const conversion of ['block', 'page']) {
      const { pool, events } = watched(`first-fit+${conversion}+reserve:100:600+immediate`, {
        platform: 'none',
      });
      pass(pool, 0);
      expect(pool.counters.claimedPages).toBe(0);
      expect(pool.alloc_pages(0, atomic).ok).toBe(true);
      expect(eventsOf(events, 'reserve-refilled')).toEqual([]);
    }
  });
});

describe('supply hysteresis', () => {
  const policy = 'first-fit+block+hysteresis:0.001';
  const MS = 1e6;

  it('gives a block back when it has been empty for its time, whether or not there are requests', () => {
    const { pool, events } = watched(policy);
    const { allocation } = pool.alloc_pages(0, { owner });
    pool.free(allocation, 5);
    pass(pool, MS);
    expect(pool.counters.claimedPages).toBe(512);
    pass(pool, 50 * MS);
    expect(eventsOf(events, 'pages-returned')).toMatchObject([{ pages: 512, time: MS + 5 }]);
  });

  it('keeps a block that is used again in time, and begins anew when it empties', () => {
    const { pool, events } = watched(policy);
    pool.free(pool.alloc_pages(0, { owner }).allocation, 0);
    const again = pool.alloc_pages(0, { owner, at: MS / 2 });
    pool.free(again.allocation, MS / 2 + 1);
    pass(pool, MS + 1);
    expect(pool.counters.claimedPages).toBe(512);
    pass(pool, 2 * MS);
    expect(eventsOf(events, 'pages-returned')).toMatchObject([{ time: MS + MS / 2 + 1 }]);
  });

  it('gives several blocks back, each at its own time', () => {
    const { pool, events } = watched(policy);
    const all = [0, 1, 2].map(() => pool.alloc_pages(9, { owner }).allocation);
    for (const [index, allocation] of all.entries()) pool.free(allocation, 10 * (index + 1));
    pass(pool, 5 * MS);
    expect(eventsOf(events, 'pages-returned').map(({ time }) => time)).toEqual([MS + 10, MS + 20, MS + 30]);
  });

  it('leaves what is not due at the end of a run as it is', () => {
    const { pool } = watched(policy);
    pool.free(pool.alloc_pages(0, { owner }).allocation, 5);
    pool.complete();
    expect(pool.counters.claimedPages).toBe(512);
  });
});

describe('supply demand', () => {
  const MS = 1e6;
  const policy = 'first-fit+block+demand:0.016';
  const blocks = (pool: ReturnType<typeof watched>['pool'], count: number, at: number) =>
    Array.from({ length: count }, () => pool.alloc_pages(9, { owner, at }).allocation);

  it('keeps what the recent peak needed, until the peak is long enough ago', () => {
    const { pool, events } = watched(policy);
    for (const allocation of blocks(pool, 3, 0)) pool.free(allocation, 1);
    pass(pool, 15 * MS);
    expect(pool.counters.claimedPages).toBe(3 * 512);
    pass(pool, 40 * MS);
    expect(pool.counters.claimedPages).toBe(0);
    for (const { time } of eventsOf(events, 'pages-returned')) expect(time).toBe(16 * MS);
  });

  it('finds its memory shared when demand comes in waves', () => {
    const { pool, events } = watched(policy);
    for (let wave = 0; wave < 20; wave++) {
      for (const allocation of blocks(pool, 3, wave * 10 * MS)) pool.free(allocation, wave * 10 * MS + 1);
    }
    expect(eventsOf(events, 'pages-decrypted')).toHaveLength(3);
  });

  it('gives back what only an older and higher peak needed', () => {
    const { pool } = watched(policy);
    for (const allocation of blocks(pool, 5, 0)) pool.free(allocation, 1);
    for (let wave = 1; wave < 5; wave++) {
      for (const allocation of blocks(pool, 2, wave * 10 * MS)) pool.free(allocation, wave * 10 * MS + 1);
    }
    expect(pool.counters.claimedPages).toBe(2 * 512);
  });
});
