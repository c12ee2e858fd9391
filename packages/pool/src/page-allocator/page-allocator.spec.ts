/** The way of a request through the zones, compared with a count of what is free in each. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TYPE } from './migratetypes.ts';
import { KERNELS } from './page-allocator.ts';
import { allocatorOf, claims, frees, range, ZONE_PAGES, type ZoneSketch, zonelistOf } from './testing.ts';

/** So many free single pages, no two of them buddies. */
const singles = (first: number, count: number) => range(0, count).map((at) => first + 2 * at);
const zoneOf = (pfn: number) => (pfn < 0 ? -1 : Math.floor(pfn / ZONE_PAGES));

const marks = fc.record({
  /** Free pages in Unmovable pageblocks, and in one that is Movable. */
  own: fc.nat(12),
  others: fc.nat(6),
  min: fc.nat(6),
  aboveMin: fc.nat(4),
  aboveLow: fc.nat(6),
  boost: fc.constantFrom(0, 0, 3),
  reserved: fc.constantFrom(0, 0, 2),
  isBelowHigh: fc.boolean(),
});

it('the first zone above its low watermark serves, on the own node with whole pageblocks first; then the first above its min', () => {
  fc.assert(
    fc.property(
      fc.array(marks, { minLength: 3, maxLength: 3 }),
      fc.constantFrom(...KERNELS),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      (all, kernel, localZones, isNofragment) => {
        const sketches = all.map(
          ({ own, others, min, aboveMin, aboveLow, boost, reserved, isBelowHigh }, zone): ZoneSketch => ({
            types: { [8 * zone + 7]: 'Movable' },
            free: [
              [0, 'Unmovable', singles(zone * ZONE_PAGES, own)],
              [0, 'Movable', singles(zone * ZONE_PAGES + 7 * 512, others)],
            ],
            // No pageblock of it may change sides, and no boost comes of that.
            movable: { [8 * zone + 7]: 500 },
            managed: 2000,
            ...{ min, low: min + aboveMin, high: min + aboveMin + aboveLow, boost, isBelowHigh },
            lowmemReserve: [0, 0, reserved],
          }),
        );
        const allocator = allocatorOf(kernel, sketches, { collectsCounts: false });
        const zones = all.map((zone) => ({
          ...zone,
          low: zone.min + zone.aboveMin,
          high: zone.min + zone.aboveMin + zone.aboveLow,
        }));
        const serves = (at: number, mark: 'low' | 'min', isWhole: boolean): boolean => {
          const zone = zones[at];
          const isAbove = (pages: number) => zone.own + zone.others > pages + zone.boost + zone.reserved;
          if (!isAbove(zone.high) && kernel !== '6.1') zone.isBelowHigh = true;
          // A zone that is above its high watermark is above the others, too.
          if (!isAbove(zone[mark])) return false;
          if (zone.own > 0) zone.own--;
          else if (!isWhole && zone.others > 0) zone.others--;
          else return false;
          return true;
        };
        /** From the highest zone down. */
        const first = (mark: 'low' | 'min', isWhole: boolean) =>
          [2, 1, 0].slice(0, isWhole ? localZones : 3).find((at) => serves(at, mark, isWhole));
        const zonelist = { ...zonelistOf(3, isNofragment), localZones };
        for (let claim = 0; claim < 30; claim++) {
          const wholeBlocks = isNofragment ? first('low', true) : undefined;
          const aboveLow = wholeBlocks ?? first('low', false);
          const expected = aboveLow ?? first('min', false) ?? -1;
          expect(zoneOf(claims(allocator, 1, { zonelist })[0])).toBe(expected);
          expect(allocator.isKswapdWanted).toBe(aboveLow === undefined);
          expect(allocator.zones.map(({ freePages }) => freePages)).toEqual(
            zones.map(({ own, others }) => own + others),
          );
          expect(allocator.zones.map(({ isBelowHigh }) => isBelowHigh)).toEqual(
            zones.map(({ isBelowHigh }) => isBelowHigh),
          );
        }
      },
    ),
    { numRuns: randomRuns(240) },
  );
});

describe('single pages in bulk: alloc_pages_bulk()', () => {
  const cpus = [{ batch: 4, high: 64 }];
  const bulk = (zones: readonly ZoneSketch[], wanted: number) => {
    const allocator = allocatorOf('7.3', zones, { collectsCounts: false });
    return allocator.claimInBulk(0, wanted, TYPE.Unmovable, zonelistOf(zones.length));
  };
  const withFree = (zone: number, count: number, changes: ZoneSketch = {}): ZoneSketch => ({
    free: [[0, 'Unmovable', singles(zone * ZONE_PAGES, count)]],
    cpus,
    ...changes,
  });

  it('are of the first zone that would be above its low watermark without all of them', () => {
    const lower = withFree(0, 40);
    expect(bulk([lower, withFree(1, 9)], 8)).toEqual(singles(ZONE_PAGES, 8));
    expect(bulk([lower, withFree(1, 9)], 9)).toEqual(singles(0, 9));
    expect(bulk([lower, withFree(1, 12, { low: 2, boost: 1 })], 8)).toEqual(singles(ZONE_PAGES, 8));
    expect(bulk([lower, withFree(1, 12, { low: 2, boost: 1 })], 9)).toEqual(singles(0, 9));
    expect(bulk([lower, withFree(1, 12, { lowmemReserve: [0, 0, 5] })], 7)).toEqual(singles(0, 7));
    expect(bulk([lower], 40)).toEqual([]);
  });

  it('are fewer if that zone has no more, whatever others have', () => {
    const free: ZoneSketch['free'] = [
      [0, 'Unmovable', singles(ZONE_PAGES, 3)],
      [0, 'Isolate', singles(ZONE_PAGES + 7 * 512, 20)],
    ];
    const upper = { free, cpus, types: { 15: 'Isolate' as const } };
    expect(bulk([withFree(0, 40), upper], 5)).toEqual(singles(ZONE_PAGES, 3));
  });

  it('may break up pageblocks of other migratetypes or not, as the request says', () => {
    const zone: ZoneSketch = {
      types: { 7: 'Movable' },
      movable: { 7: 500 },
      free: [[0, 'Movable', singles(7 * 512, 9)]],
      managed: 2000,
      cpus,
    };
    const taken = (isNofragment: boolean) =>
      allocatorOf('7.3', [zone]).claimInBulk(0, 2, TYPE.Unmovable, zonelistOf(1, isNofragment));
    expect([taken(true), taken(false)]).toEqual([[], [3584, 3586]]);
  });
});

describe('a CPU', () => {
  const cpu = { batch: 4, high: 64 };
  const zone: ZoneSketch = { free: [[0, 'Unmovable', singles(0, 40)]], cpus: [cpu, cpu] };

  it('takes from and frees to lists of its own, on which others see nothing', () => {
    const allocator = allocatorOf('7.3', [zone]);
    expect(claims(allocator, 1, { cpu: 1 })).toEqual([0]);
    frees(allocator, [1000], 0, 1);
    expect(claims(allocator, 1, { cpu: 0 })[0]).not.toBe(1000);
    expect(claims(allocator, 1, { cpu: 1 })).toEqual([1000]);
    expect(allocator.claimInBulk(0, 1, TYPE.Unmovable, zonelistOf(1))[0]).not.toBe(2);
    expect(allocator.claimInBulk(1, 1, TYPE.Unmovable, zonelistOf(1))).toEqual([2]);
  });

  it('frees what its lists do not take to the buddy lists', () => {
    const allocator = allocatorOf('7.3', [zone]);
    frees(allocator, [2048], 5, 1);
    expect(allocator.buddy.lists.buddyOrder(2048)).toBe(5);
    expect(allocator.perCpuLists.pages).toBe(0);
    frees(allocator, [1024], 0, 0);
    expect(allocator.perCpuLists.pages).toBe(1);
  });

  it('that frees a page has it, whichever CPU was served before', () => {
    const allocator = allocatorOf('7.3', [zone]);
    claims(allocator, 1, { cpu: 0 });
    frees(allocator, [1000], 0, 1);
    expect(claims(allocator, 1, { cpu: 1 })).toEqual([1000]);
  });

  it('that is idle gives back what is in its lists, down to its low mark: decay_pcp_high()', () => {
    const idle = { batch: 4, high: 64, highMin: 8, highMax: 64, lists: { 0: singles(1000, 41) } };
    const allocator = allocatorOf('7.3', [{ free: [[0, 'Unmovable', singles(0, 40)]], cpus: [cpu, idle] }]);
    const [{ diffs }] = allocator.zones;
    frees(allocator, [3000], 5, 0);
    const before = { diff: diffs[0], free: allocator.zones[0].freePages };
    for (let second = 0; second < 30; second++) allocator.vmstatUpdate(1);
    expect(allocator.perCpuLists.pages).toBe(8);
    // They are counted as that CPU's.
    expect([diffs[0], allocator.zones[0].freePages]).toEqual([before.diff, before.free + 33]);
  });

  it('has what it has collected counted with vmstat_update(), in all zones', () => {
    const second: ZoneSketch = { free: [[0, 'Unmovable', singles(ZONE_PAGES, 40)]], cpus: [cpu, cpu] };
    const allocator = allocatorOf('7.3', [zone, second]);
    const counters = () => allocator.zones.map(({ freeCounter }) => freeCounter);
    for (const each of allocator.zones) each.account(1, 2);
    expect(counters()).toEqual([40, 40]);
    allocator.vmstatUpdate(0);
    expect(counters()).toEqual([40, 40]);
    allocator.vmstatUpdate(1);
    expect(counters()).toEqual([42, 42]);
  });
});

it('kswapd is wanted by no one before a request', () => {
  expect(allocatorOf('7.3', [{}]).isKswapdWanted).toBe(false);
});

describe('a kernel', () => {
  it('counts a deferred compaction as a stall up to 6.12: as recorded', () => {
    const counts = KERNELS.map((kernel) => allocatorOf(kernel, [{}]).countsDeferred);
    expect(counts).toEqual([true, true, false]);
    expect(allocatorOf('6.1', [{}], { countsDeferred: false }).countsDeferred).toBe(false);
  });
});
