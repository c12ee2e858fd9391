import { type MemoryState, platformNamed } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { expectServed, soundness } from './baselines/testing.ts';
import { directMapOf } from './page-source/profiles.ts';
import { oneZone } from './page-source/testing.ts';
import { Pool } from './pool.ts';
import { policyNamed } from './registry.ts';

const HEAP = { owner: 'system_cc_shared client0 buffer' };
const POLICIES = [
  'linux-7.3',
  'gfp-decrypted',
  'migratetype',
  'genpool',
  'decpool',
  'first-fit+page+immediate',
  'longest-free-range+block+reserve:64:512+hysteresis:1+shrinker',
];

/** 16 MiB with so many free chunks, by order; the rest is page cache. */
function memoryWith(free: Record<number, number>): MemoryState {
  const state = oneZone({ Unmovable: free });
  const zones = state.zones.map((zone) => ({ ...zone, pageCache: 2000 }));
  return { ...state, zones, directMap: directMapOf(zones[0].ram) };
}

const poolOn = (policy: string, memory: MemoryState, reclaim = false): Pool =>
  new Pool({
    ...{ memory, policy: policyNamed(policy), platform: platformNamed('snp') },
    pageSource: { ...PLAIN_PAGE_SOURCE, compaction: reclaim, reclaim },
  });

describe.each(POLICIES)('under %s', (policy) => {
  it('a chunk of the heap that is short is made of chunks of order 4, then of pages', () => {
    const memory = memoryWith({ 6: 4, 5: 4, 2: 40 });
    const pool = poolOn(policy, memory);
    const { allocation, extents } = expectServed(pool.alloc_pages(8, HEAP));
    expect(extents.reduce((sum, { pages }) => sum + pages, 0)).toBe(256);
    expect(new Set(extents.map(({ pages }) => pages))).toContain(16);
    expect([16, 1]).toEqual(expect.arrayContaining([...new Set(extents.map(({ pages }) => pages))]));
    expect(soundness(pool, memory)).toEqual([]);
    pool.free(allocation);
    expect(pool.counters.livePages).toBe(0);
    expect(soundness(pool, memory)).toEqual([]);
  });

  it('one for which there is no memory at all is refused once, and holds nothing', () => {
    const memory = memoryWith({ 4: 8, 0: 60 });
    const pool = poolOn(policy, memory);
    const reasons: string[] = [];
    pool.events$.subscribe((event) => {
      if (event.type === 'allocation-failed') reasons.push(event.reason);
    });
    expect(pool.alloc_pages(8, HEAP).ok).toBe(false);
    expect(reasons).toEqual(['out-of-memory']);
    expect(pool.counters.livePages).toBe(0);
    expect(soundness(pool, memory)).toEqual([]);
  });

  it('other requests of that size are refused if there is no chunk', () => {
    expect(poolOn(policy, memoryWith({ 6: 4, 2: 40 })).alloc_pages(8, { owner: 'ring' }).ok).toBe(false);
  });
});

it('nothing is reclaimed for its larger chunks: HIGH_ORDER_GFP', () => {
  const memory = memoryWith({ 4: 40 });
  const extentsFor = (owner: string) => {
    const got = poolOn('linux-7.3', memory, true).alloc_pages(8, { owner });
    return got.ok ? got.extents.map(({ pages }) => pages) : [];
  };
  expect(extentsFor('ring')).toEqual([256]);
  expect(extentsFor(HEAP.owner)).toEqual(Array(16).fill(16));
});

it('a buffer is a single chunk if there is one', () => {
  const pool = poolOn('linux-7.3', memoryWith({ 9: 1 }));
  expect(expectServed(pool.alloc_pages(8, HEAP)).extents.map(({ pages }) => pages)).toEqual([256]);
});
