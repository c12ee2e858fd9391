import { GFP, type PlatformName } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { initialPages } from '../dma-pool/atomic-pools.ts';
import { freshBoot } from '../page-source/profiles.ts';
import {
  atomic,
  booted,
  expectServed,
  GIB,
  growthOf,
  lastFailure,
  MIB,
  soundness,
  steps,
  WORKED,
  watched,
} from './testing.ts';

const OWNER = { owner: 'somebody' };

describe('the atomic DMA pool begins with', () => {
  it.each([
    [64 * MIB, 128],
    [GIB, 128],
    [4 * GIB, 512],
    [32 * GIB, 4096],
    [64 * GIB, 4096],
  ])('of %i bytes of memory, %i KiB', (bytes, kib) => {
    const { pool } = watched('genpool', { memory: freshBoot(bytes) });
    expect(initialPages(pool.view)).toBe(kib / 4);
  });

  it('one chunk in each zone with memory, converted as a whole before the first request', () => {
    const { pool, events } = watched('genpool', { memory: freshBoot(8 * GIB) });
    pool.alloc_pages(0, OWNER);
    const pages = initialPages(pool.view);
    const made = [`pages-claimed ${pages}`, `pages-decrypted ${pages}`];
    expect(steps(events)).toEqual([...made, ...made, ...made, 'pages-allocated 1']);
    const chunks = events.flatMap((event) => (event.type === 'pages-decrypted' ? [event] : []));
    expect(chunks.map(({ time, request }) => [time, request])).toEqual(Array(3).fill([0, 0]));
    const [normal, dma, dma32] = chunks.map(({ pfn }) => pfn * 4096);
    expect(normal).toBeGreaterThanOrEqual(4 * GIB);
    expect(dma).toBeLessThan(16 * MIB);
    expect(dma32).toBeLessThan(4 * GIB);
  });

  it('a chunk of the next order where that is no power of two', () => {
    const { pool } = watched('genpool', { memory: freshBoot(5 * GIB) });
    expect(initialPages(pool.view)).toBe(160);
    pool.alloc_pages(0, OWNER);
    expect(pool.counters.sharedPages).toBe(3 * 256);
  });
});

describe('genpool', () => {
  it('serves requests from what is shared, naturally aligned at the first place that fits, with no conversion', () => {
    const { pool } = booted('genpool');
    const cost = growthOf(pool, () => {
      const at = (order: number) => expectServed(pool.alloc_pages(order, OWNER)).extents[0].pfn;
      const first = at(0);
      expect([at(2), at(0), at(1), at(3)].map((pfn) => pfn - first)).toEqual([4, 1, 2, 8]);
    });
    expect(cost).toMatchObject({ conversions: 0, hostCalls: 0, claimedPages: 0 });
  });

  it('packs the lists of NVMe I/Os into pages, as their dma_pool does, and keeps the pages', () => {
    const { pool, events } = booted('genpool');
    const lists = Array.from({ length: 16 }, () => pool.kmalloc(256, atomic('nvme0 descriptor')));
    expect(steps(events)).toEqual(['pages-allocated 1']);
    for (const { allocation } of lists) pool.free(allocation, 0, GFP.GFP_ATOMIC);
    expect(pool.counters).toMatchObject({ livePages: 0, liveSlabs: 1, slabPages: 1 });
    expect(soundness(pool)).toEqual([]);
  });

  it('packs the tables of PCI functions into pages, as the pool of the ITS does', () => {
    const { pool } = booted('genpool', { platform: 'cca' });
    for (let device = 0; device < 16; device++)
      expectServed(pool.kmalloc(256, { owner: `nvme${device} ITT` }));
    expect(pool.counters).toMatchObject({ liveSlabs: 1, slabPages: 1 });
  });

  it('serves a request that names a zone at once, from the pool of that zone', () => {
    const { pool } = booted('genpool', { memory: freshBoot(8 * GIB) });
    for (const [flag, end] of [
      [GFP.__GFP_DMA32, 4 * GIB],
      [GFP.__GFP_DMA, 16 * MIB],
    ] as const) {
      const gfp = GFP.GFP_ATOMIC | flag;
      const { extents } = expectServed(pool.dma_alloc_coherent(4096, { owner: 'nic', gfp }));
      expect(extents[0].pfn * 4096).toBeLessThan(end);
    }
    expect(pool.counters.conversions).toBe(3);
  });

  it('a zone’s pool that is used up is doubled by the worker, and the others stay as they are', () => {
    const { pool, events } = booted('genpool', { memory: freshBoot(8 * GIB) });
    const gfp = GFP.GFP_ATOMIC | GFP.__GFP_DMA32;
    expectServed(pool.dma_alloc_coherent(4096, { owner: 'nic', gfp }));
    expectServed(pool.alloc_pages(0, { owner: 'nic', at: WORKED }));
    const grown = events.filter(({ type }) => type === 'pages-decrypted');
    expect(grown).toEqual([expect.objectContaining({ pages: 256 })]);
    expect((grown[0] as { pfn: number }).pfn * 4096).toBeLessThan(4 * GIB);
  });

  it('takes whole pages for objects, and just the pages of an exact count', () => {
    const { pool } = booted('genpool');
    pool.kmalloc(8, OWNER);
    pool.dma_alloc_coherent(100, OWNER);
    pool.alloc_pages_exact(5, OWNER);
    expect(pool.counters).toMatchObject({ livePages: 7, liveSlabs: 0 });
  });

  it('doubles at once for a caller that may sleep, looks in the newest chunk first, and never shrinks', () => {
    const { pool, events } = booted('genpool');
    const all = Array.from({ length: 5 }, () => expectServed(pool.alloc_pages(4, OWNER)));
    expect(steps(events)).toEqual([
      ...Array(4).fill('pages-allocated 16'),
      'pages-claimed 32',
      'pages-decrypted 32',
      'pages-allocated 16',
    ]);
    for (const { allocation } of all) pool.free(allocation);
    expect(pool.counters).toMatchObject({ claimedPages: 96, sharedPages: 96, livePages: 0 });
    const newest = all[4].extents[0].pfn;
    expect(expectServed(pool.alloc_pages(4, OWNER)).extents[0].pfn).toBe(newest);
  });

  it('takes a chunk of the request’s order where doubling would not hold it', () => {
    const { pool, events } = booted('genpool');
    expectServed(pool.alloc_pages(10, OWNER));
    expect(steps(events)).toEqual(['pages-claimed 1024', 'pages-decrypted 1024', 'pages-allocated 1024']);
  });

  it('refuses what no chunk can hold as too large', () => {
    const { pool, events } = booted('genpool');
    pool.alloc_pages_exact(1025, OWNER);
    expect(lastFailure(events)).toBe('too-large');
  });

  it('puts a vmalloc area together from places in any chunks, having grown by what is missing', () => {
    const { pool } = booted('genpool');
    const held = expectServed(pool.alloc_pages(3, OWNER));
    const { extents } = expectServed(pool.vmalloc(100, OWNER));
    expect(extents.reduce((sum, { pages }) => sum + pages, 0)).toBe(100);
    expect(extents.length).toBeGreaterThan(1);
    expect(pool.counters).toMatchObject({ claimedPages: 160, livePages: 108 });
    pool.free(held.allocation);
    expect(soundness(pool)).toEqual([]);
  });

  it('takes nothing for an area that memory is short of', () => {
    const { pool, events } = booted('genpool', { memory: freshBoot(64 * MIB) });
    const cost = growthOf(pool, () => expect(pool.vmalloc(16_000, OWNER).ok).toBe(false));
    expect(lastFailure(events)).toBe('out-of-memory');
    expect(cost).toMatchObject({ claimedPages: 0, conversions: 0, livePages: 0 });
  });

  it('serves a caller that may not sleep from what there is, and grows by the worker when little is left', () => {
    const { pool, events } = booted('genpool');
    expectServed(pool.alloc_pages(4, atomic('nvme0 queue', 10)));
    expectServed(pool.alloc_pages(5, atomic('nvme0 queue', 10)));
    pool.alloc_pages(5, atomic('nvme0 queue', 10));
    expect(lastFailure(events)).toBe('would-sleep');
    expect(events.some(({ type }) => type === 'pages-decrypted')).toBe(false);
    expectServed(pool.alloc_pages(5, atomic('nvme0 queue', WORKED)));
    const grown = events.filter(({ type }) => type === 'pages-decrypted');
    expect(grown).toHaveLength(2);
    for (const { time } of grown) {
      expect(time).toBeGreaterThan(10);
      expect(time).toBeLessThan(WORKED);
    }
  });

  it('frees without a conversion, also where nothing may sleep', () => {
    const { pool, events } = booted('genpool');
    const area = expectServed(pool.vmalloc(20, OWNER));
    events.length = 0;
    pool.free(area.allocation, 10, GFP.GFP_ATOMIC);
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['free-requested', 'vm-area-unmapped', 'pages-freed']),
    );
  });

  it('keeps a request to its zone', () => {
    const { pool } = booted('genpool', { memory: freshBoot(5 * GIB) });
    const { extents } = expectServed(pool.alloc_pages(2, { ...OWNER, gfp: GFP.__GFP_DMA32 }));
    expect(extents[0].pfn).toBeLessThan((4 * GIB) / 4096);
  });

  it.each<PlatformName>(['tdx', 'cca', 'cca-bbml3', 'pkvm', 'hyperv-vtom'])(
    'serves areas on %s',
    (platform) => {
      const { pool } = booted('genpool', { platform });
      expect(pool.vmalloc(255, OWNER).ok).toBe(true);
    },
  );

  it.each([4, 16] as const)(
    'needs no rounding where the host’s granule is %i pages: chunks are converted whole',
    (granulePages) => {
      const { pool } = booted('genpool', { granulePages });
      const cost = growthOf(pool, () => expectServed(pool.alloc_pages(0, OWNER)));
      expect(cost).toMatchObject({ conversions: 0, livePages: 1 });
    },
  );

  it('outside a confidential VM converts nothing, and grows for everybody', () => {
    const { pool } = booted('genpool', { platform: 'none' });
    expectServed(pool.alloc_pages(8, atomic('nvme0 queue')));
    expect(pool.counters).toMatchObject({ conversions: 0, hostCalls: 0, sharedPages: 0 });
  });

  it('when conversions fail, gives back what is private again, leaks the rest, and hands out neither', () => {
    for (const retries of [0, 1]) {
      const { pool, events } = booted('genpool', {
        faults: { seed: 1, decrypt: 0.7, encrypt: 0.5, converted: 0.5, retries },
      });
      const asked = Array.from({ length: 12 }, () => pool.alloc_pages(6, OWNER).ok);
      expect(asked).toContain(false);
      expect(lastFailure(events)).toBe('conversion-failed');
      const { claimedPages, sharedPages, leakedPages } = pool.counters;
      expect(claimedPages).toBe(sharedPages + leakedPages);
      expect(leakedPages).toBeGreaterThan(0);
      expect(soundness(pool)).toEqual([]);
    }
  });
});
