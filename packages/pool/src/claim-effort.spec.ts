import { GFP, type MemoryState, platformNamed } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { directMapOf, freshBoot } from './page-source/profiles.ts';
import { oneZone } from './page-source/testing.ts';
import type { PolicyFactory, Recorder } from './policy.ts';
import { Pool } from './pool.ts';
import { policyNamed } from './registry.ts';

/** A zone full of page cache but for four chunks of order 6, as kswapd finds it that has not run yet. */
function full(): MemoryState {
  const state = oneZone({ Unmovable: { 6: 4 } });
  const watermarks = { min: 100, low: 150, high: 200, lowmemReserve: [] };
  const zones = state.zones.map((zone) => ({ ...zone, watermarks, pageCache: 7 * 512 }));
  return { ...state, zones, directMap: directMapOf(zones[0].ram) };
}

const poolOn = (policy: PolicyFactory, platform: 'snp' | 'cca', memory: MemoryState): Pool =>
  new Pool({
    ...{ memory, policy, platform: platformNamed(platform) },
    pageSource: { ...PLAIN_PAGE_SOURCE, compaction: true, reclaim: true },
  });

const OWNER = { owner: 'somebody' };

describe('the gfp flags of a request reach the page allocator', () => {
  const ask = (gfp: number) => {
    const pool = poolOn(policyNamed('linux-7.3'), 'cca', full());
    return [0, 1].map((at) => pool.alloc_pages(9, { ...OWNER, gfp, at }).ok);
  };

  it('GFP_KERNEL waits for reclaim', () => {
    expect(ask(0)).toEqual([true, true]);
  });

  it.each(['GFP_NOWAIT', 'GFP_ATOMIC'] as const)('%s does not', (flag) => {
    expect(ask(GFP[flag])).toEqual([false, false]);
  });

  it('but kswapd, which it has woken, is done before the next that waits', () => {
    const pool = poolOn(policyNamed('linux-7.3'), 'cca', full());
    expect(pool.alloc_pages(9, { ...OWNER, gfp: GFP.GFP_NOWAIT }).ok).toBe(false);
    expect(pool.alloc_pages(0, OWNER).ok).toBe(true);
    expect(pool.alloc_pages(9, { ...OWNER, gfp: GFP.GFP_NOWAIT }).ok).toBe(true);
  });
});

/** The orders that a policy claims for a vmalloc, and how hard each time. */
function claimsOf(name: string, pages: number, owner: string): unknown[] {
  const claims: unknown[] = [];
  const spying: PolicyFactory = (view) => {
    const policy = policyNamed(name)(view);
    const seen = (record: Recorder): Recorder =>
      new Proxy(record, {
        get: (target, key) =>
          key === 'claim'
            ? (...[order, type, effort]: Parameters<Recorder['claim']>) => {
                claims.push([order, effort]);
                return target.claim(order, type, effort);
              }
            : typeof Reflect.get(target, key) === 'function'
              ? Reflect.get(target, key).bind(target)
              : Reflect.get(target, key),
      });
    return {
      name: policy.name,
      allocate: (request, state, record) => policy.allocate(request, state, seen(record)),
      free: (request, state, record) => policy.free(request, state, record),
    };
  };
  expect(poolOn(spying, 'snp', freshBoot(2 ** 28)).vmalloc(pages, { owner }).ok).toBe(true);
  return claims;
}

it.each([
  ['linux-7.3', 'netvsc eth0 recv_buf', 'noretry'],
  ['linux-7.3', 'another area', 'nowait'],
  ['gfp-decrypted', 'another area', 'nowait'],
  ['migratetype', 'another area', 'nowait'],
])(
  '%s claims the large chunks of %s with %s, and single pages as hard as the request says',
  (policy, owner, effort) => {
    expect(claimsOf(policy, 19, owner)).toEqual([
      [4, effort],
      [1, effort],
      [0, undefined],
    ]);
  },
);

it('a request with __GFP_NORETRY is told from one without, in the log and by name', () => {
  const pool = poolOn(policyNamed('decpool'), 'snp', full());
  const { allocation } = pool.alloc_pages(0, { ...OWNER, gfp: GFP.__GFP_NORETRY });
  expect(pool.view.allocation(allocation)).toMatchObject({ gfp: GFP.__GFP_NORETRY });
});
