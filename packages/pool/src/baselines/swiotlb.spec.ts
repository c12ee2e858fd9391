import { platformNamed } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { freshBoot } from '../page-source/profiles.ts';
import { Pool } from '../pool.ts';
import { policyNamed } from '../registry.ts';
import {
  atomic,
  booted,
  expectServed,
  GIB,
  growthOf,
  lastFailure,
  MIB,
  soundness,
  WORKED,
} from './testing.ts';

const OWNER = { owner: 'somebody' };
const KIB = 1024;

describe('swiotlb as a policy', () => {
  it('makes a boot pool of 64 MiB at the least though nobody asked for bounce buffers, and the header says so', () => {
    const { pool } = booted('swiotlb');
    expect(pool.header.swiotlb).toEqual({ bytes: 64 * MIB, dynamic: false });
    expect(pool.counters.sharedPages).toBe((64 * MIB) / 4096);
  });

  it('makes it of 6 % of memory where that is more, rounded up to a power of two, and as large as it is told', () => {
    const large = booted('swiotlb', { memory: freshBoot(4 * GIB) });
    expect(large.pool.header.swiotlb?.bytes).toBe(256 * MIB);
    const told = new Pool({
      memory: freshBoot(256 * MIB),
      platform: platformNamed('snp'),
      policy: policyNamed('swiotlb'),
      swiotlb: { bytes: MIB, dynamic: true },
    });
    expect(told.header.swiotlb).toEqual({ bytes: MIB, dynamic: false });
  });

  it('serves every kind of request from it, and converts nothing', () => {
    const { pool } = booted('swiotlb');
    const cost = growthOf(pool, () => {
      const all = [
        pool.alloc_pages(3, OWNER),
        pool.alloc_pages_exact(5, OWNER),
        pool.vmalloc(60, OWNER),
        pool.kmalloc(100, atomic('nvme0 descriptor')),
        pool.dma_alloc_coherent(5000, atomic('nvme0 queue')),
        pool.dma_map(1500, OWNER),
      ];
      expect(all.every((result) => result.ok && result.object !== undefined)).toBe(true);
      for (const { allocation } of all) pool.free(allocation);
    });
    expect(cost).toMatchObject({
      conversions: 0,
      hostCalls: 0,
      splits2M: 0,
      claimedPages: 0,
      liveObjects: 0,
    });
    expect(soundness(pool)).toEqual([]);
  });

  it('aligns a request to the next power of two of its size', () => {
    const { pool } = booted('swiotlb');
    pool.kmalloc(2 * KIB, OWNER);
    const { object } = expectServed(pool.alloc_pages_exact(5, OWNER));
    expect(object).toEqual({ slab: 1, unit: 16, units: 10 });
  });

  it('serves a segment of 256 KiB, and refuses what is larger as too large', () => {
    const { pool, events } = booted('swiotlb');
    expectServed(pool.alloc_pages(6, OWNER));
    for (const ask of [() => pool.alloc_pages(7, OWNER), () => pool.vmalloc(65, OWNER)]) {
      ask();
      expect(lastFailure(events.splice(0))).toBe('too-large');
    }
  });

  const fill = (pool: Pool) => {
    const segments = (64 * MIB) / (256 * KIB);
    for (let made = 0; made < segments; made++) expectServed(pool.alloc_pages(6, { owner: 'x', at: 10 }));
  };

  it('refuses what finds no slots, for good', () => {
    const { pool, events } = booted('swiotlb');
    fill(pool);
    for (const at of [10, WORKED]) {
      pool.alloc_pages(0, { owner: 'x', at });
      expect(lastFailure(events.splice(0))).toBe('swiotlb-full');
    }
  });

  it('where it is dynamic, until the worker has added a pool of 4 MiB', () => {
    const { pool, events } = booted('swiotlb:dynamic');
    expect(pool.header.swiotlb?.dynamic).toBe(true);
    fill(pool);
    pool.alloc_pages(0, { owner: 'x', at: 10 });
    expect(lastFailure(events)).toBe('swiotlb-full');
    const cost = growthOf(pool, () => expectServed(pool.alloc_pages(0, { owner: 'x', at: WORKED })));
    expect(cost.sharedPages).toBe(1024);
  });
});
