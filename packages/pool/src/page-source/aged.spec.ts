import { describe, expect, it } from 'vitest';
import { aged } from './aged.ts';
import { freshBoot } from './profiles.ts';
import { countsOf, GIB, givenCounts, MIB, sourceOf } from './testing.ts';

describe('aged memory', () => {
  it('is the same in every version: a name of memory has nothing but its seed', () => {
    const [dma, dma32] = aged(128 * MIB, 1).zones;
    const { free, pageblocks, watermarks, lowWatermark } = dma32;
    expect(free).toMatchObject({
      Unmovable: [0, 3, 4, 5, 4, 3, 2, 3, 1, 0, 0],
      Movable: [42, 52, 39, 6, 5, 2, 1, 1, 0, 0, 0],
      Reclaimable: [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    });
    expect(pageblocks).toMatchObject({ Unmovable: 10, Movable: 45, Reclaimable: 1 });
    expect({ ...watermarks, lowWatermark }).toMatchObject({
      min: 1023,
      low: 1278,
      high: 1533,
      lowWatermark: 1278,
    });
    expect(dma32).not.toHaveProperty('node');
    expect(dma.free).toEqual(freshBoot(128 * MIB).zones[0].free);
    // More than kswapd leaves are free here, so that nothing is added.
    expect(aged(4 * GIB, 1).zones[1].free.Movable.slice(0, 3)).toEqual([696, 862, 637]);
    // So much memory that each recorded count, and each range that a seed draws from, shows.
    expect(aged(64 * GIB, 1).zones[2].free).toMatchObject({
      Unmovable: [0, 1907, 457, 1501, 703, 562, 348, 561, 434, 16, 0],
      Movable: [19681, 21467, 10656, 4806, 1386, 438, 204, 128, 45, 0, 0],
      Reclaimable: [0, 0, 0, 13, 39, 16, 0, 0, 0, 0, 0],
    });
  });

  it('has pageblocks of each migratetype as far as a zone has pageblocks, the first for Movable pages', () => {
    for (const blocks of [1, 2, 3, 4, 5, 20]) {
      for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
        const memory = aged(3 * GIB + blocks * 2 * MIB, seed);
        const [, , { name, pageblocks }] = memory.zones;
        const { Unmovable, Movable, Reclaimable } = pageblocks;
        expect({ name, all: Unmovable + Movable + Reclaimable }).toEqual({ name: 'Normal', all: blocks });
        expect(Movable).toBeGreaterThan(0);
        // 15 to 25 %, and 1 to 4 %.
        expect(Unmovable).toBeGreaterThanOrEqual(
          Math.min(blocks - 1, Math.max(1, Math.round(0.15 * blocks))),
        );
        expect(Unmovable).toBeLessThanOrEqual(Math.max(1, Math.round(0.25 * blocks)));
        expect(Reclaimable).toBe(blocks < 3 ? 0 : 1);
        if (blocks > 3 || seed > 2) continue;
        const source = sourceOf(memory, seed);
        expect([source.dropped, source.misplaced]).toEqual([0, 0]);
        expect(countsOf(source, memory)).toEqual(givenCounts(memory));
      }
    }
  });

  it('has no free chunk of a migratetype without a pageblock', () => {
    // Seeds that draw such chunks for so small a zone.
    const chunks = (type: 'Unmovable' | 'Reclaimable', blocks: number, seed: number) =>
      aged(3 * GIB + blocks * 2 * MIB, seed).zones[2].free[type].reduce((sum, count) => sum + count, 0);
    expect([1, 2, 3].map((blocks) => chunks('Reclaimable', blocks, 104))).toEqual([0, 0, 1]);
    expect([1, 2].map((blocks) => chunks('Unmovable', blocks, 1))).toEqual([0, 1]);
  });

  const sizes = [64, 98, 256, 1024, 4096, 16384];

  it.each(sizes)('of %i MiB loses no chunk, and has each in a pageblock of its migratetype', (size) => {
    for (const seed of [1, 2, 3]) {
      const memory = aged(size * MIB, seed);
      const source = sourceOf(memory, seed);
      expect([source.dropped, source.misplaced]).toEqual([0, 0]);
      expect(countsOf(source, memory)).toEqual(givenCounts(memory));
    }
  });

  it('has few percent free, nearly all of it in chunks smaller than a pageblock', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      for (const zone of aged(4 * GIB, seed).zones.slice(1)) {
        const pagesIn = (from: number, to: number) =>
          Object.values(zone.free)
            .flatMap((orders) =>
              orders.map((count, order) => (order >= from && order <= to ? count << order : 0)),
            )
            .reduce((sum, pages) => sum + pages, 0);
        const ram = zone.ram.reduce((sum, [, pages]) => sum + pages, 0);
        expect(pagesIn(0, 10) / ram).toBeGreaterThan(0.015);
        expect(pagesIn(0, 10) / ram).toBeLessThan(0.055);
        expect(pagesIn(0, 8) / pagesIn(0, 10)).toBeGreaterThan(0.85);
      }
    }
  });

  it('is mostly Movable pageblocks, with Unmovable and Reclaimable ones strewn in', () => {
    const [, dma32, normal] = aged(4 * GIB, 1).zones;
    for (const { pageblocks } of [dma32, normal]) {
      const all = pageblocks.Movable + pageblocks.Unmovable + pageblocks.Reclaimable;
      expect(pageblocks.Movable / all).toBeGreaterThan(0.7);
      expect(pageblocks.Unmovable / all).toBeGreaterThan(0.14);
      expect(pageblocks.Reclaimable / all).toBeGreaterThan(0.009);
    }
  });

  it('has about the watermarks of the recorded 4 GiB guests', () => {
    // /proc/zoneinfo of k61-E1a-before. Theirs are shares of managed pages, up to 7 % fewer than there is RAM.
    const recorded = [
      { min: 64, low: 80, high: 96, lowmemReserve: [0, 2936, 3889, 3889] },
      { min: 12708, low: 15885, high: 19062, lowmemReserve: [0, 0, 952, 952] },
      { min: 4122, low: 5152, high: 6182, lowmemReserve: [0, 0, 0, 0] },
    ];
    for (const [index, { watermarks, lowWatermark }] of aged(4 * GIB, 1).zones.entries()) {
      const { lowmemReserve, ...marks } = watermarks ?? { min: 0, low: 0, high: 0, lowmemReserve: [] };
      const known = recorded[index];
      for (const name of ['min', 'low', 'high'] as const) {
        expect(Math.abs(marks[name] / known[name] - 1)).toBeLessThan(0.1);
      }
      for (const [highest, reserve] of lowmemReserve.entries()) {
        expect(Math.abs(reserve - known.lowmemReserve[highest])).toBeLessThanOrEqual(
          0.1 * known.lowmemReserve[highest],
        );
      }
      expect(lowWatermark).toBe(marks.low + lowmemReserve[2]);
    }
  });

  it.each(sizes)('of %i MiB has as much free as kswapd leaves, in each zone but DMA', (size) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      for (const { free, watermarks } of aged(size * MIB, seed).zones.slice(1)) {
        const pages = Object.values(free).flatMap((orders) => orders.map((count, order) => count << order));
        const { high = 0, lowmemReserve = [] } = watermarks ?? {};
        expect(pages.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(high + lowmemReserve[2]);
      }
    }
  });

  it('has just as much where its counts give less: single pages are added', () => {
    const [, { free, watermarks }] = aged(64 * MIB, 1).zones;
    const { high = 0, lowmemReserve = [] } = watermarks ?? {};
    const pages = Object.values(free).flatMap((orders) => orders.map((count, order) => count << order));
    expect(pages.reduce((sum, each) => sum + each, 0)).toBe(high + lowmemReserve[2]);
  });

  it('depends on the seed alone', () => {
    expect(aged(256 * MIB, 1)).toEqual(aged(256 * MIB, 1));
    expect(aged(256 * MIB, 1).zones).not.toEqual(aged(256 * MIB, 2).zones);
  });
});
