import { describe, expect, it } from 'vitest';
import { allocatorOf, claims, range, type ZoneSketch, zonelistOf } from './testing.ts';

/** So many free single pages, no two of them buddies. */
const singles = (first: number, count: number) => range(0, count).map((at) => first + 2 * at);
const pagesFree = (count: number, marks: ZoneSketch): ZoneSketch => ({
  free: [[0, 'Unmovable', singles(0, count)]],
  ...marks,
});
/** As if NR_FREE_PAGES never lagged. */
const AT_ONCE = { collectsCounts: false };
const served = (zones: readonly ZoneSketch[], order = 0) =>
  claims(allocatorOf('7.3', zones, AT_ONCE), 100, { order }).filter((pfn) => pfn >= 0).length;

describe('watermarks: __zone_watermark_ok()', () => {
  it('a request ends at the min watermark, not at 0: __alloc_pages_slowpath()', () => {
    expect(served([pagesFree(60, { low: 55, min: 50 })])).toBe(10);
    expect(served([pagesFree(60, { low: 55, min: 0 })])).toBe(60);
  });

  it('a lower zone serves before any is taken below its low watermark: get_page_from_freelist()', () => {
    const upper = { free: [[0, 'Unmovable', singles(4096, 12)]], low: 10, min: 0 } as const;
    const allocator = allocatorOf('7.3', [pagesFree(12, { low: 10, min: 0 }), upper], AT_ONCE);
    const isUpper = claims(allocator, 8).map((pfn) => pfn >= 4096);
    expect(isUpper).toEqual([true, true, false, false, true, true, true, true]);
  });

  it('a boost raises them', () => {
    expect(served([pagesFree(60, { boost: 20 })])).toBe(40);
  });

  it('lowmem_reserve keeps pages from requests that may use higher zones', () => {
    const zone = pagesFree(60, { lowmemReserve: [0, 10, 30, 30] });
    expect(served([zone])).toBe(30);
    const allocator = allocatorOf('7.3', [zone], AT_ONCE);
    const low = { ...zonelistOf(1), highestZone: 0 };
    expect(claims(allocator, 60, { zonelist: low })).not.toContain(-1);
  });

  it('free - (2^order - 1) must be more than the mark', () => {
    const zone = (min: number): ZoneSketch => ({
      free: [
        [4, 'Unmovable', [0]],
        [0, 'Unmovable', singles(100, 4)],
      ],
      low: min,
      min,
    });
    expect([served([zone(4)], 4), served([zone(5)], 4)]).toEqual([1, 0]);
  });

  it('a chunk of the order must be in the free lists, one in a per-CPU list is not enough', () => {
    const cpu = { batch: 2, high: 64 };
    const upper: ZoneSketch = {
      free: [[0, 'Unmovable', singles(4096, 40)]],
      cpus: [{ ...cpu, lists: { 3: [8000] } }],
    };
    const lower: ZoneSketch = { free: [[1, 'Unmovable', [0, 8]]], cpus: [cpu] };
    expect(claims(allocatorOf('7.3', [lower, upper]), 1, { order: 1 })).toEqual([0]);
    const withChunk: ZoneSketch = { ...upper, free: [[2, 'Unmovable', [4096]]] };
    expect(claims(allocatorOf('7.3', [lower, withChunk]), 1, { order: 1 })).toEqual([8000]);
  });

  it('pages reserved for atomic requests count for no one else', () => {
    expect(served([pagesFree(60, { reservedHighatomic: 25 })])).toBe(35);
  });
});

describe('the lag of NR_FREE_PAGES: __mod_zone_page_state()', () => {
  const zone = pagesFree(12, { low: 10, min: 10 });
  const count = (collectsCounts: boolean) =>
    claims(allocatorOf('7.3', [zone], { collectsCounts }), 6).filter((pfn) => pfn >= 0).length;

  it('a CPU collects two pages before the counter changes, so that one request more passes', () => {
    expect([count(true), count(false)]).toEqual([3, 2]);
  });

  it('ends when vmstat_update() folds what a CPU has collected', () => {
    const allocator = allocatorOf('7.3', [{ ...zone, cpus: [{ batch: 1, high: 64 }] }]);
    expect(claims(allocator, 2)).not.toContain(-1);
    allocator.vmstatUpdate(0);
    expect(claims(allocator, 1)).toEqual([-1]);
  });

  it('6.1 counts a refill once, later kernels each chunk of it: rmqueue_bulk()', () => {
    const cpus = [{ batch: 4, high: 64 }];
    const upper: ZoneSketch = { free: [[0, 'Unmovable', singles(4096, 20)]], low: 16, min: 0, cpus };
    const lower: ZoneSketch = { free: [[0, 'Unmovable', singles(0, 20)]], cpus };
    const second = (kernel: '6.1' | '6.12') => claims(allocatorOf(kernel, [lower, upper]), 2)[1];
    // Four pages leave: 6.1 counts 16 free ones, and the zone is at its watermark; 6.12 counts three at once, and one later.
    expect([second('6.1'), second('6.12')]).toEqual([0, 4098]);
  });
});
