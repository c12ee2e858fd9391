import { describe, expect, it } from 'vitest';
import { freshBoot } from '../page-source/profiles.ts';
import {
  atomic,
  booted,
  expectServed,
  growthOf,
  lastFailure,
  MIB,
  soundness,
  steps,
  watched,
} from './testing.ts';

const OWNER = { owner: 'somebody' };

describe('gfp-decrypted', () => {
  it('takes a vmalloc area in the largest chunks there are, each converted by itself, on every platform', () => {
    for (const platform of ['snp', 'tdx', 'cca', 'pkvm'] as const) {
      const { pool, events } = watched('gfp-decrypted', { platform });
      const area = expectServed(pool.vmalloc(1024 + 20, OWNER));
      const decrypted = ['pages-decrypted 1024', 'pages-decrypted 16', 'pages-decrypted 4'];
      expect(steps(events).filter((step) => step.startsWith('pages-decrypted'))).toEqual(decrypted);
      expect(pool.counters).toMatchObject({ conversions: 3, convertedPages: 1044, vmAreaPages: 1044 });
      expect(platform === 'pkvm' || pool.counters.splits2M <= 2).toBe(true);
      pool.free(area.allocation);
      expect(pool.counters).toMatchObject({ conversions: 6, claimedPages: 0, sharedPages: 0 });
    }
  });

  it('takes smaller chunks for an area if there are no large ones', () => {
    const { pool } = watched('gfp-decrypted', { memory: freshBoot(64 * MIB) });
    const first = pool.alloc_pages(10, OWNER);
    while (pool.alloc_pages(10, OWNER).ok);
    pool.free(first.allocation);
    expectServed(pool.alloc_pages(8, OWNER));
    const cost = growthOf(pool, () => expectServed(pool.vmalloc(640, OWNER)));
    expect(cost.conversions).toBeGreaterThan(1);
    expect(cost).toMatchObject({ convertedPages: 640, vmAreaPages: 640 });
  });

  it('takes and converts the whole power of two of an exact count', () => {
    const { pool, events } = watched('gfp-decrypted');
    pool.alloc_pages_exact(5, OWNER);
    expect(steps(events)).toEqual(['pages-claimed 8', 'pages-decrypted 8', 'pages-allocated 8']);
  });

  it('converts the pages that a coherent buffer fills', () => {
    const { pool, events } = watched('gfp-decrypted');
    const buffer = expectServed(pool.dma_alloc_coherent(5 * 4096, OWNER));
    pool.free(buffer.allocation);
    expect(steps(events)).toEqual([
      'pages-claimed 8',
      'pages-decrypted 5',
      'pages-allocated 5',
      'pages-freed 5',
      'pages-encrypted 5',
      'pages-returned 8',
    ]);
  });

  it('cuts small objects from slabs of their own caches, and returns a slab that is empty', () => {
    const { pool } = watched('gfp-decrypted');
    const object = expectServed(pool.kmalloc(100, OWNER));
    expect(pool.view.slab(1)?.cache).toBe('kmalloc-decrypted-128');
    pool.free(object.allocation);
    expect(pool.counters).toMatchObject({ claimedPages: 0, sharedPages: 0, liveSlabs: 0 });
  });

  it('has nothing for a caller that may not sleep', () => {
    const { pool, events } = watched('gfp-decrypted');
    pool.dma_alloc_coherent(4096, atomic('nvme0 queue'));
    expect(lastFailure(events)).toBe('would-sleep');
  });

  it('takes a whole granule of the host for each chunk of an area', () => {
    const { pool } = watched('gfp-decrypted', { granulePages: 16 });
    expectServed(pool.vmalloc(3, OWNER));
    expect(pool.counters).toMatchObject({ conversions: 2, livePages: 3, sharedPages: 32 });
  });

  it('and for the page of a slab', () => {
    const { pool } = watched('gfp-decrypted', { granulePages: 16 });
    const object = expectServed(pool.kmalloc(100, OWNER));
    expect(pool.counters).toMatchObject({ slabPages: 1, sharedPages: 16 });
    pool.free(object.allocation);
    expect(pool.counters.claimedPages).toBe(0);
  });

  it('leaks what nobody knows the state of, also in the middle of an area', () => {
    const { pool, events } = booted('gfp-decrypted', {
      faults: { seed: 2, decrypt: 0.1, encrypt: 1, converted: 0.5, retries: 0 },
    });
    while (pool.vmalloc(8, OWNER).ok);
    expect(lastFailure(events)).toBe('conversion-failed');
    expect(pool.counters.leakedPages).toBeGreaterThan(0);
    expect(soundness(pool)).toEqual([]);
  });
});
