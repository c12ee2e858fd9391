import { describe, expect, it } from 'vitest';
import { ChunkLists } from './chunk-lists.ts';
import { statThreshold, Zone, type ZoneStart } from './zone.ts';

const START: ZoneStart = {
  ...{ index: 0, start: 0, end: 4096, managed: 4096, min: 0, low: 0, high: 0, boost: 0, lowmemReserve: [] },
  ...{ reservedHighatomic: 0, isReclaiming: false, isBelowHigh: false, isBoosted: false },
};
const zoneOf = (start: Partial<ZoneStart> = {}, cpus = 1) =>
  new Zone({ ...START, ...start }, cpus, new ChunkLists(4096, 1, cpus, 9));

describe('NR_FREE_PAGES', () => {
  it('lags by at most what CPUs and memory allow: calculate_normal_threshold()', () => {
    // 2 * fls(CPUs) * (1 + fls(memory in units of 128 MiB)), at most 125.
    expect(statThreshold(1, 4096)).toBe(2);
    expect(statThreshold(4, 2 ** 18)).toBe(2 * 3 * 5);
    expect(statThreshold(4, 2 ** 18 - 1)).toBe(2 * 3 * 4);
    expect(statThreshold(64, 2 ** 24)).toBe(125);
  });

  it('counts what a CPU has collected once it is more than the threshold, either way', () => {
    const zone = zoneOf();
    const counted = [1, 1, 1, -2, -1, 3].map((pages) => {
      zone.account(0, pages);
      return [zone.freeCounter, zone.freePages];
    });
    expect(counted).toEqual([
      [0, 1],
      [0, 2],
      [3, 3],
      [3, 1],
      [0, 0],
      [3, 3],
    ]);
  });

  it('is right after refresh_cpu_vm_stats() on each CPU', () => {
    const zone = zoneOf({}, 2);
    zone.account(0, 2);
    zone.account(1, -1);
    expect([zone.freeCounter, zone.freePages]).toEqual([0, 1]);
    zone.foldDiff(0);
    expect([zone.freeCounter, zone.freePages]).toEqual([2, 1]);
    zone.foldDiff(1);
    zone.foldDiff(0);
    expect([zone.freeCounter, zone.freePages]).toEqual([1, 1]);
  });
});

describe('boost_watermark()', () => {
  const boosts = (start: Partial<ZoneStart>) => {
    const zone = zoneOf(start);
    const all = Array.from({ length: 4 }, () => {
      zone.boostWatermark(512);
      return zone.boost;
    });
    return { all, isBoosted: zone.isBoosted };
  };

  it('raises the watermarks by a pageblock each time, up to one and a half of the high one', () => {
    expect(boosts({ high: 1000 })).toEqual({ all: [512, 1024, 1500, 1500], isBoosted: true });
    expect(boosts({ high: 699 }).all).toEqual([512, 1024, 1048, 1048]);
    expect(boosts({ high: 10_000, boost: 14_900 }).all).toEqual([15_000, 15_000, 15_000, 15_000]);
  });

  it('raises them by one pageblock at the least', () => {
    expect(boosts({ high: 100 }).all).toEqual([512, 512, 512, 512]);
  });

  it('leaves a zone of less than four pageblocks, and one without watermarks', () => {
    expect(boosts({ high: 1000, managed: 2048 }).all[0]).toBe(512);
    expect(boosts({ high: 1000, managed: 2047 })).toEqual({ all: [0, 0, 0, 0], isBoosted: false });
    expect(boosts({})).toEqual({ all: [0, 0, 0, 0], isBoosted: false });
    expect(zoneOf({ isBoosted: true }).isBoosted).toBe(true);
  });
});
