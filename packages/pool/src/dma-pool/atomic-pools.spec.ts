import { GFP, pfn } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import {
  atomic,
  booted,
  expectServed,
  GIB,
  lastFailure,
  type Setting,
  soundness,
  steps,
  WORKED,
  watched,
} from '../baselines/testing.ts';
import { freshBoot } from '../page-source/profiles.ts';
import { initialPages } from './atomic-pools.ts';

const SERVED_BY_POOLS = [
  'linux-6.12',
  'linux-7.3',
  'gfp-decrypted',
  'migratetype',
  'first-fit+page+immediate',
  'best-fit+block+hysteresis',
];
const WITH_RESERVE = [
  'longest-free-range+block+reserve:64:512',
  'genpool',
  'first-fit+block+reserve:64:512+immediate',
];

const POOLS: Setting = { atomicPools: true };
const REPLACING = [...WITH_RESERVE, 'decpool', 'longest-free-range+block+hysteresis:1+swiotlb'];

/** With a chunk for each zone that has memory: of 128 KiB in the DMA and the DMA32 zone. */
const SMALL = { ...POOLS, memory: freshBoot(256 * 2 ** 20) };

describe('the size of each atomic DMA pool', () => {
  it.each([
    [0.25, 32],
    [1.5, 48],
    [16, 512],
    [64, 1024],
  ])('of a guest of %d GiB is %i pages', (gib, pages) => {
    expect(initialPages(watched('linux-7.3', { memory: freshBoot(gib * GIB) }).pool.view)).toBe(pages);
  });
});

describe('a guest with atomic DMA pools', () => {
  const made = (setting: Setting, policy = 'gfp-decrypted') => {
    const { pool, events } = watched(policy, { ...POOLS, ...setting });
    pool.alloc_pages(0, { owner: 'boot' });
    const end = events.findIndex(({ type }) => type === 'boot-pools-made');
    const chunks = events.flatMap((event, at) =>
      event.type === 'atomic-pool-grown' && at < end ? [event] : [],
    );
    return { pool, events, end, chunks };
  };

  it('has one for each zone with memory, shared before the first request', () => {
    const { pool, chunks, events, end } = made({ memory: freshBoot(8 * GIB) });
    expect(chunks.map(({ pages }) => pages)).toEqual([256, 256, 256]);
    const [normal, dma, dma32] = chunks.map(({ pfn: first }) => first * 4096);
    expect(normal).toBeGreaterThanOrEqual(4 * GIB);
    expect(dma).toBeLessThan(16 * 2 ** 20);
    expect(dma32).toBeLessThan(4 * GIB);
    expect(events.slice(0, end + 1).every(({ request }) => request === 0)).toBe(true);
    for (const { pfn: first, pages } of chunks)
      expect(pool.view.firstWhereNot('shared', true, pfn(first), pages)).toBe(-1);
  });

  it('has none outside a confidential VM, and none if the policy replaces them', () => {
    expect(made({ platform: 'none' })).toMatchObject({ end: -1, chunks: [] });
    for (const policy of [...REPLACING, 'swiotlb']) {
      const { chunks, end } = made({}, policy);
      expect([policy, chunks]).toEqual([policy, []]);
      expect(end).toBeGreaterThanOrEqual(0);
    }
  });
});

describe.each(SERVED_BY_POOLS)('under %s', (policy) => {
  it('a coherent buffer for a caller that may not sleep comes from the pool, without a conversion', () => {
    const { pool, events } = booted(policy, SMALL);
    const buffer = expectServed(pool.dma_alloc_coherent(4096, atomic('nvme0 queue')));
    pool.free(buffer.allocation, 0, GFP.GFP_ATOMIC);
    expect(steps(events)).toEqual(['pages-allocated 1', 'pages-freed 1']);
    expect(soundness(pool)).toEqual([]);
  });

  it('so do the pages that the lists of an NVMe I/O are packed into', () => {
    const { pool, events } = booted(policy, SMALL);
    expectServed(pool.kmalloc(256, atomic('nvme0 descriptor')));
    expectServed(pool.dma_alloc_coherent(4096, atomic('nvme0 descriptor')));
    expect(steps(events)).toEqual([expect.stringMatching(/^pages-allocated [12]$/), 'pages-allocated 1']);
    expect(events.some(({ type }) => type === 'slab-created')).toBe(true);
  });

  it('a request is refused when the pools are empty, until the worker has doubled them', () => {
    const { pool, events } = booted(policy, SMALL);
    const before = pool.counters.claimedPages;
    for (let page = 0; page < 64; page++)
      expectServed(pool.dma_alloc_coherent(4096, atomic('nvme0 queue', 10)));
    pool.dma_alloc_coherent(4096, atomic('nvme0 queue', 10));
    expect(lastFailure(events)).toBe('would-sleep');
    expectServed(pool.dma_alloc_coherent(4096, atomic('nvme0 queue', WORKED)));
    expect(pool.counters.claimedPages - before).toBe(64);
    expect(soundness(pool)).toEqual([]);
  });

  it('a request that names a zone is served from what its device can reach', () => {
    const { pool } = booted(policy, SMALL);
    const gfp = GFP.GFP_ATOMIC | GFP.__GFP_DMA;
    const served = Array.from({ length: 33 }, () => pool.dma_alloc_coherent(4096, { owner: 'nic', gfp }));
    expect(served.map(({ ok }) => ok)).toEqual(served.map((_, index) => index < 32));
    for (const buffer of served.slice(0, 32)) {
      expect(expectServed(buffer).extents[0].pfn * 4096).toBeLessThan(16 * 2 ** 20);
    }
  });
});

describe('with coherent_pool= on the command line', () => {
  const policy = 'linux-7.3:coherent-pool';
  const LARGE = { ...POOLS, memory: freshBoot(GIB) };

  it('a pool begins with the largest chunk, 4 MiB', () => {
    const { pool } = booted(policy, LARGE);
    // One of the two zones has only 16 MiB.
    expect(pool.counters.sharedPages).toBe(2 * 1024);
  });

  it('it grows by chunks until so much is free, once it is used', () => {
    const { pool } = booted(policy, LARGE);
    for (let round = 1; round < 12; round++) {
      expectServed(pool.dma_alloc_coherent(4096, atomic('nvme0 queue', round * WORKED)));
    }
    expect(pool.counters.sharedPages * 4096).toBeGreaterThan(32 * 2 ** 20);
  });

  it('callers that may sleep convert as without it', () => {
    const { pool, events } = booted(policy, LARGE);
    pool.dma_alloc_coherent(4096, { owner: 'virtio0 queue' });
    expect(steps(events)).toContain('pages-decrypted 1');
  });
});

it.each(WITH_RESERVE)('%s serves such a request itself', (policy) => {
  const { pool } = booted(policy, SMALL);
  expectServed(pool.dma_alloc_coherent(4096, atomic('nvme0 queue')));
  expect(pool.counters.conversions).toBeGreaterThan(0);
});

it('a pool with slots that splits blocks does not replace them', () => {
  const { pool, events } = booted('longest-free-range+page+immediate+swiotlb', SMALL);
  expectServed(pool.dma_alloc_coherent(4096, atomic('nvme0 queue')));
  expect(steps(events)).toEqual(['pages-allocated 1']);
});

it('other requests that may not sleep are not theirs', () => {
  const { pool, events } = booted('gfp-decrypted', SMALL);
  pool.alloc_pages(0, atomic('its LPI property table'));
  expect(lastFailure(events)).toBe('would-sleep');
});

it('a chunk that cannot be shared is no part of a pool, and is not handed out', () => {
  const faults = { seed: 1, decrypt: 1, encrypt: 0, converted: 0.5, retries: 3 };
  const { pool, events } = watched('gfp-decrypted', { ...SMALL, faults });
  pool.dma_alloc_coherent(4096, atomic('nvme0 queue'));
  expect(lastFailure(events)).toBe('would-sleep');
  expect(events.some(({ type }) => type === 'atomic-pool-grown')).toBe(false);
  expect(pool.counters.leakedPages).toBeGreaterThan(0);
  expect(soundness(pool)).toEqual([]);
});
