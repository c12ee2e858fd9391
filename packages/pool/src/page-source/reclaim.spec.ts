import { type MemoryState, spanOf, x86Geometry } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { CLAIM_EFFORTS, type ClaimEffort } from './claim-effort.ts';
import { ClaimedPages } from './claimed-pages.ts';
import { startFromCounts } from './counted-start.ts';
import { Reclaim } from './reclaim.ts';
import { oneZone, sourceOf } from './testing.ts';
import { ZoneMap } from './zones.ts';

const WATERMARKS = { min: 100, low: 200, high: 300, lowmemReserve: [] };

/** Eight pageblocks, one free as a whole; the others are full of page cache. */
const full = (pageCache = 7 * 512): MemoryState => {
  const state = oneZone({ Movable: { 9: 1 } });
  return { ...state, zones: state.zones.map((zone) => ({ ...zone, watermarks: WATERMARKS, pageCache })) };
};

const reclaiming = (memory: MemoryState, seed = 1) =>
  sourceOf(memory, seed, { ...PLAIN_PAGE_SOURCE, reclaim: true });

const pagesOf = (runs: readonly { pages: number }[]) => runs.reduce((sum, { pages }) => sum + pages, 0);

describe('kswapd', () => {
  it('does nothing while a zone is above its low watermark', () => {
    const source = reclaiming(full());
    source.claim(8, 'Movable');
    expect(source.takeReclaimed()).toEqual([]);
  });

  it('once a request finds no zone above its low watermark, reclaims until one is above its high watermark', () => {
    const source = reclaiming(full());
    source.claim(8, 'Movable');
    // 256 pages are free, and a request for 64 would leave less than 200.
    expect(source.claim(6, 'Movable')).not.toBe(-1);
    // 192 were left. compact_gap(6) is 128 pages: then 320 are free, more than 300, and the rest is left to compaction.
    expect(pagesOf(source.takeReclaimed())).toBe(128);
    expect(source.directPages).toBe(0);
  });

  it('frees page cache that lies together, so that whole pageblocks come about', () => {
    const source = reclaiming(full());
    const claimed = Array.from({ length: 5 }, () => source.claim(9, 'Unmovable'));
    expect(claimed).not.toContain(-1);
    expect(new Set(claimed).size).toBe(5);
  });

  it('frees no page that was claimed, and none twice', () => {
    const source = reclaiming(full());
    const taken = new Set<number>();
    for (let at = source.claim(0, 'Movable'); at !== -1; at = source.claim(0, 'Movable')) {
      expect(taken.has(at)).toBe(false);
      taken.add(at);
    }
    // All but what the min watermark keeps, with the lag of the counter.
    expect(taken.size).toBeGreaterThanOrEqual(8 * 512 - 103);
  });

  it('frees no more than there is', () => {
    const source = reclaiming(full(64));
    while (source.claim(0, 'Movable') !== -1);
    expect(pagesOf(source.takeReclaimed())).toBe(64);
  });

  it('frees other pages with another seed', () => {
    const reclaimed = (seed: number) => {
      const source = reclaiming(full(), seed);
      source.claim(9, 'Movable');
      return source.takeReclaimed();
    };
    expect(reclaimed(1)).toEqual(reclaimed(1));
    expect(reclaimed(1)).not.toEqual(reclaimed(4));
  });
});

it('a request that gets nothing has waited for compaction, for reclaim, and for compaction again', () => {
  const stallsOf = (settings: { compaction: boolean; reclaim?: boolean }) => {
    const source = sourceOf(oneZone({ Unmovable: { 8: 8 } }), 1, { ...PLAIN_PAGE_SOURCE, ...settings });
    expect(source.claim(9, 'Unmovable')).toBe(-1);
    return source.stalls;
  };
  expect(stallsOf({ compaction: true, reclaim: true })).toBe(3);
  expect(stallsOf({ compaction: true })).toBe(1);
  expect(stallsOf({ compaction: false, reclaim: true })).toBe(1);
});

it('nothing is reclaimed in a run without reclaim', () => {
  const source = sourceOf(full());
  while (source.claim(0, 'Movable') !== -1);
  expect(source.takeReclaimed()).toEqual([]);
});

describe('direct reclaim', () => {
  const freed = (order: number, pageCache: number) => {
    const memory = full(pageCache);
    const geometry = x86Geometry(spanOf(memory));
    const { allocator } = startFromCounts(memory, geometry, 1, PLAIN_PAGE_SOURCE);
    const zones = new ZoneMap(memory, geometry);
    const reclaim = new Reclaim(allocator, zones, memory, new ClaimedPages(geometry), 1);
    allocator.claim(0, 8, 1, zones.zonelist(undefined));
    return reclaim.reclaimDirectly(zones.zonelist(undefined), order, 0);
  };

  it('takes a cluster for single pages and chunks up to order 3: SWAP_CLUSTER_MAX', () => {
    expect([freed(0, 3000), freed(3, 3000)]).toEqual([32, 32]);
  });

  it('goes on for larger ones until there is a chunk, or compaction has room: should_continue_reclaim(), 6.1 to 7.3', () => {
    // The first pageblock has 440 pages of page cache, and others in use. The second is free as a whole after 952.
    expect(freed(9, 3000)).toBe(960);
  });

  it('leaves out a zone that has a chunk: compaction_ready()', () => {
    expect(freed(5, 3000)).toBe(0);
  });

  it('stops once the page cache left is too little for that: compact_gap()', () => {
    expect(freed(9, 1000)).toBe(32);
    expect([freed(9, 32 + 1024), freed(9, 32 + 1025)]).toEqual([32, 64]);
    expect(freed(9, 0)).toBe(0);
  });

  it('leaves out a zone that is far above its high watermark, too: compaction can begin there', () => {
    const freedWith = (pages: number) => {
      const state = oneZone({ Movable: { 0: pages } });
      const memory = { ...state, zones: state.zones.map((zone) => ({ ...zone, watermarks: WATERMARKS })) };
      const geometry = x86Geometry(spanOf(memory));
      const { allocator } = startFromCounts(memory, geometry, 1, PLAIN_PAGE_SOURCE);
      const zones = new ZoneMap(memory, geometry);
      const reclaim = new Reclaim(allocator, zones, memory, new ClaimedPages(geometry), 1);
      return reclaim.reclaimDirectly(zones.zonelist(undefined), 4, 0);
    };
    // compact_gap(4) is 32 pages. Compaction is suitable from 232 pages on, but the high watermark is 300.
    expect([300, 332, 333].map(freedWith)).toEqual([32, 32, 0]);
  });

  it('stops as soon as one of several zones has a chunk', () => {
    const [{ free: _, ...zone }] = full().zones;
    const zones = [
      { ...zone, free: oneZone({ Movable: { 5: 20 } }).zones[0].free },
      {
        ...zone,
        node: 1,
        ram: [[2 ** 20 + 4096, 4096]] as const,
        free: oneZone({ Movable: { 0: 250 } }).zones[0].free,
      },
    ];
    const memory = { ...full(), zones };
    const geometry = x86Geometry(spanOf(memory));
    const { allocator } = startFromCounts(memory, geometry, 1, PLAIN_PAGE_SOURCE);
    const map = new ZoneMap(memory, geometry);
    const reclaim = new Reclaim(allocator, map, memory, new ClaimedPages(geometry), 1);
    expect(reclaim.reclaimDirectly(map.zonelist(undefined), 5, 0)).toBe(32);
    expect(reclaim.takeRuns().every(({ pfn }) => pfn >= 2 ** 20 + 4096)).toBe(true);
  });
});

it('the per-CPU lists are kept short while kswapd works: ZONE_RECLAIM_ACTIVE, nr_pcp_high()', () => {
  const source = sourceOf(full(), 1, { ...PLAIN_PAGE_SOURCE, perCpuLists: true, reclaim: true });
  for (const order of [8, 7]) source.claim(order, 'Movable');
  expect(pagesOf(source.takeReclaimed())).toBeGreaterThan(100);
  // Four batches of a page; the high mark is the low watermark, 200 pages.
  expect(source.pcpPages).toBeLessThanOrEqual(4);
});

it('a request for a costly order with __GFP_NORETRY gives up if compaction is skipped: __alloc_pages_slowpath(), 6.1 to 7.3', () => {
  const stallsOf = (effort: ClaimEffort) => {
    // 256 free pages are too few to compact for order 9.
    const source = sourceOf(oneZone({ Unmovable: { 6: 4 } }), 1, {
      ...PLAIN_PAGE_SOURCE,
      compaction: true,
      reclaim: true,
    });
    expect(source.claim(9, 'Unmovable', undefined, effort)).toBe(-1);
    return source.stalls;
  };
  expect([stallsOf('reclaim'), stallsOf('noretry')]).toEqual([1, 0]);
});

describe('a request without direct reclaim', () => {
  const settings = { ...PLAIN_PAGE_SOURCE, compaction: true, reclaim: true };
  /** Free: a pageblock. */
  const taken = (source: ReturnType<typeof sourceOf>, effort: ClaimEffort) => {
    const at = source.claim(10, 'Unmovable', undefined, effort);
    return { at, stalls: source.stalls, reclaimed: pagesOf(source), moved: source.takeCompacted().length };
  };
  const pagesOf = (source: ReturnType<typeof sourceOf>) =>
    source.takeReclaimed().reduce((sum, { pages }) => sum + pages, 0);

  it('does not wait: kswapd, which it has woken, is done before the next request', () => {
    const source = sourceOf(full(), 1, settings);
    expect(taken(source, 'nowait')).toEqual({ at: -1, stalls: 0, reclaimed: 0, moved: 0 });
    expect(source.claim(0, 'Unmovable')).not.toBe(-1);
    expect(pagesOf(source)).toBeGreaterThan(0);
    expect(source.directPages).toBe(0);
  });

  it('wakes kswapd once for all orders that it tries, the largest', () => {
    const pagesAfter = (orders: readonly number[]) => {
      const source = sourceOf(full(), 1, settings);
      for (const order of orders) source.claim(order, 'Unmovable', undefined, 'nowait');
      source.claim(0, 'Unmovable');
      return pagesOf(source);
    };
    expect(pagesAfter([10])).toBeGreaterThan(0);
    expect(pagesAfter([10, 10, 10])).toBe(pagesAfter([10]));
  });

  it('does not wake it without __GFP_KSWAPD_RECLAIM', () => {
    const source = sourceOf(full(), 1, settings);
    expect(taken(source, 'none')).toMatchObject({ at: -1, reclaimed: 0, moved: 0 });
    expect(source.claim(0, 'Unmovable')).not.toBe(-1);
    expect(pagesOf(source)).toBe(0);
  });

  it('gets nothing less than others if there is a chunk', () => {
    for (const effort of CLAIM_EFFORTS) {
      expect(sourceOf(full(), 1, settings).claim(8, 'Unmovable', undefined, effort)).not.toBe(-1);
    }
  });
});
