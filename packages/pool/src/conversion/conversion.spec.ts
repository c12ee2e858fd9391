import { GFP, nanoseconds, platformNamed } from '@decpool/model';
import { GRANULES, type GranulePages } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { directMapOf } from '../page-source/profiles.ts';
import { oneZone } from '../page-source/testing.ts';
import { conversionsIn, eventsOf, KIB, SOME_POLICIES, watched } from '../testing.ts';

const owner = 'x';
const onHostOf = (granulePages: GranulePages, policy: string) =>
  watched(policy, { platform: { ...platformNamed('snp'), granulePages } });

describe('conversion by page', () => {
  it('shares what is allocated and nothing else', () => {
    const { pool, events } = watched('first-fit+page+immediate');
    const { allocation } = pool.alloc_pages(2, { owner });
    pool.alloc_pages(0, { owner });
    expect(pool.counters).toMatchObject({ sharedPages: 5, livePages: 5, claimedPages: 512 });
    pool.free(allocation);
    expect(pool.counters.sharedPages).toBe(1);
    expect(conversionsIn(events).map((event) => 'pages' in event && event.pages)).toEqual([4, 1, 4]);
  });
});

describe('conversion by block', () => {
  it('shares the block when it comes and makes it private when it goes, whatever is allocated between', () => {
    const { pool, events } = watched('first-fit+block+immediate');
    const all = [pool.alloc_pages(2, { owner }), pool.vmalloc(9, { owner }), pool.kmalloc(9, { owner })];
    for (const { allocation } of all) pool.free(allocation);
    expect(conversionsIn(events)).toMatchObject([
      { type: 'pages-decrypted', pages: 512 },
      { type: 'pages-encrypted', pages: 512 },
    ]);
    expect(pool.counters.splits2M).toBe(0);
  });
});

describe('conversion by two blocks at a time', () => {
  it('claims and shares both with one conversion, and gives each back by itself', () => {
    const { pool, events } = watched('first-fit+block:4+immediate');
    const first = pool.alloc_pages(0, { owner });
    const second = pool.alloc_pages(9, { owner });
    pool.free(second.allocation);
    expect(pool.counters.claimedPages).toBe(512);
    pool.free(first.allocation);
    expect(conversionsIn(events)).toMatchObject([
      { type: 'pages-decrypted', pages: 1024 },
      { type: 'pages-encrypted', pages: 512 },
      { type: 'pages-encrypted', pages: 512 },
    ]);
    expect(pool.counters).toMatchObject({ splits2M: 0, claimedPages: 0 });
  });

  it('takes one block if there are no two that lie together', () => {
    const memory = oneZone({ Movable: { 9: 4 } });
    const directMap = directMapOf(memory.zones[0].ram);
    const { events, pool } = watched('first-fit+block:4+immediate', { memory: { ...memory, directMap } });
    pool.alloc_pages(0, { owner });
    expect(eventsOf(events, 'pages-claimed')).toMatchObject([{ pages: 512 }]);
  });

  it('is also how a reserve is filled, and both blocks can go back', () => {
    const { pool, events } = watched('first-fit+block:4+reserve:64:512+hysteresis:0.001');
    const passTo = (time: number) =>
      pool.request({ kind: 'background-free', key: 0, time: nanoseconds(time) });
    passTo(0);
    expect(pool.counters.claimedPages).toBe(1024);
    passTo(5e6);
    expect(eventsOf(events, 'pages-returned')).toMatchObject([{ pages: 512, time: 1e6 }]);
  });

  it('is by one block or two', () => {
    expect(() => watched('first-fit+block:3+immediate')).toThrow('expected block:MIB, 2 or 4, as in block:4');
    expect(watched('first-fit+block:2+immediate').pool.header.policy).toBe('first-fit+block+immediate');
  });
});

describe.each([4, 16] as const)('on a host with pages of %d guest pages', (granulePages) => {
  const page = () => onHostOf(granulePages, 'first-fit+page+immediate');

  it('one page shares the granule it lies in, and the next pages in it are shared already', () => {
    const { pool, events } = page();
    for (let i = 0; i < granulePages; i++) pool.alloc_pages(0, { owner });
    expect(eventsOf(events, 'pages-decrypted')).toMatchObject([{ pages: granulePages }]);
    pool.alloc_pages(0, { owner });
    expect(eventsOf(events, 'pages-decrypted')).toHaveLength(2);
    expect(pool.counters).toMatchObject({ sharedPages: 2 * granulePages, livePages: granulePages + 1 });
  });

  it('a granule becomes private with the last allocation in it', () => {
    const { pool, events } = page();
    const [first, second, other] = [0, 0, 5].map((order) => pool.alloc_pages(order, { owner }).allocation);
    pool.free(first);
    expect(eventsOf(events, 'pages-encrypted')).toEqual([]);
    pool.free(second);
    expect(eventsOf(events, 'pages-encrypted')).toMatchObject([{ pages: granulePages }]);
    pool.free(other);
    expect(eventsOf(events, 'pages-encrypted')[1]).toMatchObject({ pages: 32 });
    expect(pool.counters).toMatchObject({ sharedPages: 0, claimedPages: 0 });
  });

  it('a range that begins and ends inside of granules shares all of both', () => {
    const { pool, events } = page();
    pool.alloc_pages(0, { owner });
    pool.vmalloc(2 * granulePages, { owner });
    expect(pool.counters.sharedPages).toBe(3 * granulePages);
    for (const { pfn, pages } of eventsOf(events, 'pages-decrypted')) {
      expect([pfn % granulePages, pages % granulePages]).toEqual([0, 0]);
    }
  });

  it('whole blocks are converted as on any other', () => {
    const { pool, events } = onHostOf(granulePages, 'first-fit+block+immediate');
    pool.free(pool.alloc_pages(0, { owner }).allocation);
    expect(conversionsIn(events)).toMatchObject([{ pages: 512 }, { pages: 512 }]);
  });

  it('a page of the reserve that is freed goes back to it, whatever else of its granule is there', () => {
    const { pool, events } = onHostOf(granulePages, 'first-fit+page+reserve:8:64+immediate');
    const atomic = { owner, gfp: GFP.GFP_ATOMIC };
    pool.free(pool.alloc_pages(0, atomic).allocation);
    expect(eventsOf(events, 'pages-encrypted')).toEqual([]);
    const all = Array.from({ length: 64 }, () => pool.alloc_pages(0, atomic));
    expect(all.every(({ ok }) => ok)).toBe(true);
    expect(pool.alloc_pages(0, atomic).ok).toBe(false);
    for (const { allocation } of all) pool.free(allocation);
    expect(eventsOf(events, 'pages-encrypted')).toEqual([]);
    expect(pool.counters.sharedPages).toBe(64);
    expect(pool.alloc_pages(0, atomic).ok).toBe(true);
  });
});

describe('whatever the host, every policy converts whole granules', () => {
  it.each(SOME_POLICIES)('%s', (policy) => {
    for (const granulePages of GRANULES) {
      const { pool, events } = onHostOf(granulePages, policy === 'swiotlb' ? 'gfp-decrypted' : policy);
      const live: ReturnType<typeof pool.vmalloc>[] = [];
      for (let round = 0; round < 60; round++) {
        const all = [
          () => pool.alloc_pages(round % 5, { owner }),
          () => pool.alloc_pages_exact(1 + round, { owner }),
          () => pool.vmalloc(1 + round, { owner }),
          () => pool.dma_alloc_coherent(3 * KIB * (1 + round), { owner }),
          () => pool.kmalloc(77 * (1 + round), { owner }),
        ];
        live.push(all[round % all.length]());
        const gone = round % 3 === 2 ? live.splice(round % live.length, 1)[0] : undefined;
        if (gone?.ok) pool.free(gone.allocation);
      }
      for (const event of conversionsIn(events)) {
        if (!('pfn' in event && 'pages' in event)) throw new Error('a conversion of nothing');
        expect([event.pfn % granulePages, event.pages % granulePages]).toEqual([0, 0]);
      }
    }
  });
});

describe('conversion by granule', () => {
  const policy = 'first-fit+granule:32+immediate';

  it('small allocations side by side pay one conversion together', () => {
    const { pool, events } = watched(policy);
    for (let i = 0; i < 8; i++) pool.alloc_pages(0, { owner });
    expect(eventsOf(events, 'pages-decrypted')).toMatchObject([{ pages: 8 }]);
    pool.alloc_pages(0, { owner });
    expect(eventsOf(events, 'pages-decrypted')).toHaveLength(2);
    expect(pool.counters).toMatchObject({ sharedPages: 16, livePages: 9 });
  });

  it('a granule becomes private with the last allocation in it', () => {
    const { pool, events } = watched(policy);
    const [first, second, other] = [0, 0, 5].map((order) => pool.alloc_pages(order, { owner }).allocation);
    pool.free(first);
    expect(eventsOf(events, 'pages-encrypted')).toEqual([]);
    pool.free(second);
    expect(eventsOf(events, 'pages-encrypted')).toMatchObject([{ pages: 8 }]);
    pool.free(other);
    expect(pool.counters).toMatchObject({ sharedPages: 0, claimedPages: 0 });
  });

  it('is of the host where the host has larger pages', () => {
    const { pool } = onHostOf(16, policy);
    pool.alloc_pages(0, { owner });
    expect(pool.counters.sharedPages).toBe(16);
  });
});

describe('adaptive conversion', () => {
  const policy = 'first-fit+adaptive:50+immediate';

  it('shares by page until half of the block is used, and then the rest at once', () => {
    const { pool, events } = watched(policy);
    pool.alloc_pages(7, { owner });
    expect(pool.counters.sharedPages).toBe(128);
    pool.alloc_pages(6, { owner });
    expect(pool.counters.sharedPages).toBe(192);
    pool.alloc_pages(6, { owner });
    expect(pool.counters.sharedPages).toBe(512);
    expect(eventsOf(events, 'pages-decrypted').map(({ pages }) => pages)).toEqual([128, 64, 64, 256]);
    pool.alloc_pages(7, { owner });
    expect(eventsOf(events, 'pages-decrypted')).toHaveLength(4);
  });

  it('makes what is freed private as long as the block is not shared as a whole, and not after', () => {
    const { pool, events } = watched(policy);
    const [small, large] = [pool.alloc_pages(0, { owner }), pool.alloc_pages(7, { owner })];
    pool.free(small.allocation);
    expect(pool.counters.sharedPages).toBe(128);
    const half = pool.alloc_pages(8, { owner });
    expect(pool.counters.sharedPages).toBe(512);
    pool.free(half.allocation);
    expect(pool.counters.sharedPages).toBe(512);
    pool.free(large.allocation);
    expect(pool.counters).toMatchObject({ sharedPages: 0, claimedPages: 0 });
    expect(eventsOf(events, 'pages-encrypted').map(({ pages }) => pages)).toEqual([1, 512]);
  });
});
