import { describe, expect, it } from 'vitest';
import { CLAIM_TYPES, TYPE } from './migratetypes.ts';
import type { Kernel } from './page-allocator.ts';
import { allocatorOf, type CpuSketch, claims, frees, range, type ZoneSketch } from './testing.ts';

/** One CPU, and the pages from 2048 on free; the first ones are in use. */
const withCpu = (cpu: CpuSketch, zone: ZoneSketch = {}): ZoneSketch => ({
  free: [[10, 'Unmovable', [2048]]],
  ...zone,
  cpus: [cpu],
});

describe('per-CPU lists of 6.1', () => {
  it('give back twice as many pages each time: nr_pcp_free(), free_factor', () => {
    const allocator = allocatorOf('6.1', [withCpu({ batch: 2, high: 8 })]);
    // 0 and 1 go back when eight are there, 2 to 5 when there are eight again.
    frees(allocator, range(0, 10));
    expect(claims(allocator, 6)).toEqual([9, 8, 7, 6, 4, 5]);
  });

  it('a request halves that again: rmqueue_pcplist()', () => {
    const allocator = allocatorOf('6.1', [withCpu({ batch: 2, high: 8 })]);
    frees(allocator, range(0, 8));
    expect(claims(allocator, 1)).toEqual([7]);
    frees(allocator, [7, 8, 9]);
    expect(claims(allocator, 6)).toEqual([9, 8, 7, 6, 5, 4]);
  });

  it('a request in bulk does not: alloc_pages_bulk()', () => {
    const inBulk = (isBulk: boolean) => {
      const allocator = allocatorOf('6.1', [
        withCpu({ batch: 2, high: 8, freeFactor: 1, lists: { 0: [20] } }),
      ]);
      if (isBulk)
        allocator.claimInBulk(0, 1, 0, { zones: [0], localZones: 1, highestZone: 2, isNofragment: false });
      else claims(allocator, 1);
      frees(allocator, [4, 5]);
      frees(allocator, [8], 1);
      return claims(allocator, 1)[0];
    };
    expect([inBulk(true), inBulk(false)]).toEqual([4, 5]);
  });

  it('a freed chunk of order 1 to 3 empties them if pages went back before: free_unref_page_commit()', () => {
    const firstAfter = (freeFactor: number) => {
      const allocator = allocatorOf('6.1', [withCpu({ batch: 2, high: 64, freeFactor })]);
      frees(allocator, [4, 5]);
      frees(allocator, [8], 1);
      return claims(allocator, 1)[0];
    };
    // Back in the zone pages 4 and 5 are one chunk, whose front comes first.
    expect([firstAfter(1), firstAfter(0)]).toEqual([4, 5]);
  });

  it('give a page back to the migratetype that was noted when it came: pcppage_migratetype', () => {
    const afterDrain = (kernel: Kernel) => {
      const zone = withCpu({ batch: 2, high: 64, lists: { 0: [5] } }, { types: { 0: 'Movable' } });
      const allocator = allocatorOf(kernel, [zone]);
      allocator.perCpuLists.drain(allocator.zones);
      return claims(allocator, 1)[0];
    };
    expect([afterDrain('6.1'), afterDrain('6.12')]).toEqual([5, 2048]);
  });
});

describe('per-CPU lists since 6.7', () => {
  it('are filled with twice as many pages each time: nr_pcp_alloc(), alloc_factor', () => {
    const smallChunkAfter = (singlePages: number) => {
      const allocator = allocatorOf('7.3', [withCpu({ batch: 4, high: 64 })]);
      claims(allocator, singlePages);
      return claims(allocator, 1, { order: 3 })[0];
    };
    // The first four pages are 2048 to 2051. The second time eight come: the chunk at 2056 is broken up, too.
    expect([smallChunkAfter(4), smallChunkAfter(5)]).toEqual([2056, 2064]);
  });

  it('give back as many pages as were freed in a row: nr_pcp_free(), free_count', () => {
    const allocator = allocatorOf('7.3', [withCpu({ batch: 2, high: 8 })]);
    frees(allocator, range(0, 8));
    expect(claims(allocator, 4)).toEqual([7, 6, 4, 5]);
    const interrupted = allocatorOf('7.3', [withCpu({ batch: 2, high: 8, lists: { 0: [40, 42] } })]);
    frees(interrupted, range(0, 5));
    // A request halves the five.
    expect(claims(interrupted, 1)).toEqual([4]);
    frees(interrupted, [4, 5]);
    // Eight pages are there, four were freed in a row: 40 and 42, then 0 and 1 went back.
    expect(claims(interrupted, 6)).toEqual([5, 4, 3, 2, 40, 42]);
  });

  it('a freed chunk of order 1 to 3 empties them after a batch, 7.3: half of high_min later', () => {
    const after = (kernel: Kernel) => {
      const allocator = allocatorOf(kernel, [withCpu({ batch: 4, high: 16 })]);
      frees(allocator, [0, 2, 4], 1);
      return claims(allocator, 2, { order: 1 });
    };
    expect(after('6.12')).toEqual([4, 0]);
    expect(after('7.3')).toEqual([4, 2]);
  });

  it('hold more when pages come often: nr_pcp_high(), between high_min and high_max', () => {
    const after = (highMax: number) => {
      const allocator = allocatorOf('7.3', [withCpu({ batch: 2, high: 4, highMin: 4, highMax })]);
      frees(allocator, range(0, 7));
      return claims(allocator, 4);
    };
    expect(after(32)).toEqual([6, 5, 4, 3]);
    expect(after(4)).toEqual([6, 5, 4, 0]);
  });

  it('hold no more while the zone is below its high watermark: ZONE_BELOW_HIGH', () => {
    const after = (high: number) => {
      const cpu = { batch: 2, high: 4, highMin: 4, highMax: 32 };
      const allocator = allocatorOf('7.3', [withCpu(cpu, { high, isBelowHigh: high > 0 })]);
      frees(allocator, range(0, 7));
      return claims(allocator, 4);
    };
    expect(after(0)).toEqual([6, 5, 4, 3]);
    expect(after(4000)).toEqual([6, 5, 4, 0]);
  });

  it('a request that finds the zone at its high watermark sets ZONE_BELOW_HIGH: get_page_from_freelist()', () => {
    const zone = (high: number) => withCpu({ batch: 2, high: 4, highMin: 4, highMax: 32 }, { high });
    const isBelow = (high: number, kernel: Kernel) => {
      const allocator = allocatorOf(kernel, [zone(high)]);
      claims(allocator, 1);
      return allocator.zones[0].isBelowHigh;
    };
    expect([isBelow(1024, '7.3'), isBelow(1023, '7.3'), isBelow(1024, '6.1')]).toEqual([true, false, false]);
  });

  it('shrink when idle: decay_pcp_high(), by vmstat_update()', () => {
    const after = (isIdle: boolean) => {
      const cpu = { batch: 1, high: 64, highMin: 4, highMax: 64, lists: { 0: range(0, 64).reverse() } };
      const allocator = allocatorOf('7.3', [withCpu(cpu)]);
      if (isIdle) allocator.vmstatUpdate(0);
      return claims(allocator, 58).slice(55);
    };
    // An eighth of 64 pages goes back, the oldest first: pages 0 to 7, which are one chunk in the zone.
    expect(after(true)).toEqual([8, 0, 1]);
    expect(after(false)).toEqual([8, 7, 6]);
  });

  it('are emptied in portions of a batch in 7.3, each of at least a chunk: free_frozen_page_commit()', () => {
    const after = (isInPortions: boolean) => {
      const cpu = { batch: 2, high: 25, freeCount: 6, lists: { 9: [0, 8, 16] } };
      const allocator = allocatorOf('7.3', [withCpu(cpu)], { isInPortions });
      frees(allocator, [100]);
      return claims(allocator, 1, { order: 3 })[0];
    };
    // Seven pages are due: page 100 and the chunk at 16. In portions of two pages, three chunks go, and 0 to 15 merge.
    expect([after(true), after(false)]).toEqual([16, 0]);
  });
});

describe('per-CPU lists of all versions', () => {
  it.each<Kernel>(['6.1', '6.12', '7.3'])(
    'hold four batches while kswapd works in %s: ZONE_RECLAIM_ACTIVE',
    (kernel) => {
      const after = (isReclaiming: boolean) => {
        const allocator = allocatorOf(kernel, [withCpu({ batch: 2, high: 64 }, { isReclaiming })]);
        frees(allocator, range(0, 8));
        return claims(allocator, 8).slice(-2);
      };
      expect(after(false)).toEqual([1, 0]);
      expect(after(true)).not.toEqual([1, 0]);
    },
  );

  it('take two pageblocks for one request of order 9, the second waits: pcp_allowed_order()', () => {
    const next = (listsPageblocks: boolean) => {
      const zone = withCpu({ batch: 4, high: 2048 }, { free: [[9, 'Unmovable', [512, 1024, 1536]]] });
      const allocator = allocatorOf('7.3', [zone], { listsPageblocks });
      claims(allocator, 1, { order: 9 });
      return claims(allocator, 1, { order: 8 })[0];
    };
    expect([next(true), next(false)]).toEqual([1536, 1024]);
  });

  it('are those of the CPU that asks or frees: rmqueue_pcplist()', () => {
    const cpu = { batch: 2, high: 64 };
    const allocator = allocatorOf('7.3', [{ free: [[10, 'Unmovable', [2048]]], cpus: [cpu, cpu] }]);
    frees(allocator, [5], 0, 0);
    expect(claims(allocator, 1, { cpu: 1 })).toEqual([2048]);
    expect(claims(allocator, 1, { cpu: 0 })).toEqual([5]);
  });

  it('go back list after list, from the one that was freed to on: free_pcppages_bulk()', () => {
    // Two pages are due. Lists 0 and 3 (order 1) have chunks; what is freed to list 3 goes first.
    const cpu = { batch: 2, high: 4, lists: { 0: [41, 40] } };
    const allocator = allocatorOf('6.1', [withCpu(cpu)]);
    frees(allocator, [8], 1);
    expect(claims(allocator, 2)).toEqual([41, 40]);
    const other = allocatorOf('6.1', [withCpu({ batch: 2, high: 4, lists: { 0: [40], 3: [8] } })]);
    frees(other, [41]);
    expect(claims(other, 1, { order: 1 })).toEqual([8]);
  });

  it('serve orders 0 to 3 of the three types that requests ask for', () => {
    const { perCpuLists } = allocatorOf('6.1', [withCpu({ batch: 2, high: 8 })]);
    const served = range(0, 11).map((order) => perCpuLists.serves(order, TYPE.Reclaimable));
    expect(served).toEqual(range(0, 11).map((order) => order <= 3 || order === 9));
    const types = CLAIM_TYPES.filter((type) => perCpuLists.serves(0, TYPE[type]));
    expect(types).toEqual(['Unmovable', 'Movable', 'Reclaimable']);
  });

  it('are empty for a request that they do not serve, and not while they hold page 0 for it', () => {
    const { perCpuLists, zones } = allocatorOf('7.3', [
      withCpu({ batch: 2, high: 8, lists: { 0: [0], 3: [8] } }),
    ]);
    const isEmpty = (order: number, type: 'Unmovable' | 'Movable' | 'HighAtomic') =>
      perCpuLists.isEmpty(zones[0], 0, order, TYPE[type]);
    expect([isEmpty(0, 'Unmovable'), isEmpty(0, 'Movable'), isEmpty(1, 'Unmovable')]).toEqual([
      false,
      true,
      false,
    ]);
    // The list of order 1 is where a type behind the three would be looked for.
    expect([isEmpty(0, 'HighAtomic'), isEmpty(4, 'Unmovable')]).toEqual([true, true]);
  });

  it('give out page 0 and are not filled before', () => {
    const allocator = allocatorOf('7.3', [withCpu({ batch: 2, high: 8, lists: { 0: [0] } })]);
    expect(claims(allocator, 1)).toEqual([0]);
    expect(allocator.perCpuLists.pages).toBe(0);
  });

  it('hold as many pages as before when the zone has none for them', () => {
    const allocator = allocatorOf('7.3', [withCpu({ batch: 2, high: 8, lists: { 3: [8] } }, { free: [] })]);
    expect(claims(allocator, 2)).toEqual([-1, -1]);
    expect(allocator.perCpuLists.pages).toBe(2);
  });

  it('say that the zone is above its high watermark again only after pages went back to it', () => {
    const zone = withCpu({ batch: 2, high: 4, highMin: 4, highMax: 32 }, { high: 100, isBelowHigh: true });
    const allocator = allocatorOf('7.3', [zone]);
    const isBelow = (freed: readonly number[]) => {
      frees(allocator, freed);
      return allocator.zones[0].isBelowHigh;
    };
    expect([isBelow([0]), isBelow(range(1, 6))]).toEqual([true, false]);
  });

  it.each(['6.1', '6.12'] as const)(
    'of %s give a page of the list for Unmovable to Unmovable, whatever it was before',
    (kernel) => {
      const allocator = allocatorOf(kernel, [withCpu({ batch: 2, high: 64, lists: { 1: [5] } })]);
      expect(claims(allocator, 1, { type: 'Movable' })).toEqual([5]);
      frees(allocator, [5]);
      allocator.perCpuLists.drain(allocator.zones);
      expect(allocator.buddy.lists.typeOf(5)).toBe(TYPE.Unmovable);
    },
  );

  it.each(['6.1', '7.3'] as const)(
    'of %s give a pageblock back to the type that was claimed, or that of the pageblock',
    (kernel) => {
      const zone = withCpu(
        { batch: 1, high: 2048 },
        { free: [[9, 'Movable', [0, 512]]], types: { 0: 'Movable', 1: 'Movable' } },
      );
      const allocator = allocatorOf(kernel, [zone]);
      expect(claims(allocator, 1, { order: 9, type: 'Movable' })).toEqual([0]);
      allocator.buddy.setType(0, 0, TYPE.Unmovable);
      frees(allocator, [0], 9);
      allocator.buddy.setType(0, 0, TYPE.Movable);
      allocator.perCpuLists.drain(allocator.zones);
      expect(allocator.buddy.lists.typeOf(0)).toBe(kernel === '6.1' ? TYPE.Unmovable : TYPE.Movable);
    },
  );

  it('give back no chunk above MAX_PAGE_ORDER, however many pages lie together in them', () => {
    const pages = range(2048, 2048).reverse();
    const allocator = allocatorOf('7.3', [
      withCpu({ batch: 4, high: 4096, lists: { 0: pages } }, { free: [] }),
    ]);
    allocator.perCpuLists.drain(allocator.zones);
    expect([2048, 3072].map((pfn) => allocator.buddy.lists.buddyOrder(pfn))).toEqual([10, 10]);
    expect(allocator.perCpuLists.pages).toBe(0);
    expect(claims(allocator, 3, { order: 10 }).toSorted()).toEqual([-1, 2048, 3072]);
  });
});
