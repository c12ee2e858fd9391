import type { ZoneState } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { freshBoot } from './profiles.ts';
import { oneZone } from './testing.ts';
import { lowWatermarkOf, watermarksOf } from './watermarks.ts';

const GIB = 2 ** 30;

describe('the watermarks of a booted guest', () => {
  it('are nearly those that a guest of 4 GiB had, of which the kernel holds a part', () => {
    // /proc/zoneinfo of a recorded guest: min, low, high of zones DMA, DMA32 and Normal.
    const recorded = [
      [64, 80, 96],
      [12709, 15886, 19063],
      [4121, 5151, 6181],
    ];
    const made = watermarksOf(freshBoot(4 * GIB).zones).map(({ min, low, high }) => [min, low, high]);
    for (const [index, marks] of made.entries()) {
      for (const [at, mark] of marks.entries()) {
        expect(Math.abs(mark - recorded[index][at]) / recorded[index][at]).toBeLessThan(0.06);
      }
    }
    expect(made.reduce((sum, [min]) => sum + min, 0)).toBeGreaterThan(16890);
  });

  it('keep free in a zone 1/256 of the higher zones that a request may use', () => {
    const [dma, dma32, normal] = watermarksOf(freshBoot(4 * GIB).zones);
    expect(dma.lowmemReserve).toEqual([0, 3056, 4080, 4080]);
    expect(dma32.lowmemReserve).toEqual([0, 0, 1024, 1024]);
    expect(normal.lowmemReserve).toEqual([0, 0, 0, 0]);
  });

  it('ask for less in a small guest: a twentieth of its memory is the most that khugepaged takes', () => {
    const [, dma32] = watermarksOf(freshBoot(GIB / 8).zones);
    expect(dma32.min).toBeLessThan(2 ** 15 / 20);
  });

  describe('by hand', () => {
    const [normal] = oneZone({}).zones;
    const zone = (name: string, start: number, pages: number): ZoneState => ({
      ...normal,
      name,
      ram: [[start, pages]],
    });

    it('in 99,999 pages: a twentieth is shared out by size, and watermarks are a quarter of it apart', () => {
      const zones = [zone('DMA32', 0, 40_096), zone('Normal', 2 ** 20, 59_903)];
      // 4,999 pages in all: 2,004.4 and 2,994.6. A 256th of 59,903 pages is 233.99.
      expect(watermarksOf(zones)).toEqual([
        { min: 2004, low: 2505, high: 3006, lowmemReserve: [0, 0, 233, 233] },
        { min: 2994, low: 3742, high: 4490, lowmemReserve: [0, 0, 0, 0] },
      ]);
      expect(watermarksOf(zones).map(lowWatermarkOf)).toEqual([2505 + 233, 3742]);
      expect(
        watermarksOf([zone('DMA32', 0, 40_096), zone('Normal', 2 ** 20, 59_903 + 512)], [2 ** 20, 512]),
      ).toEqual(watermarksOf(zones));
    });

    it('in 512 GiB: min_free_kbytes is 4 * sqrt(kilobytes), and watermarks are a thousandth of the zone apart', () => {
      // 2^29 kilobytes: 92,681.9 kB, and 92,681 kB are 23,170.25 pages. A thousandth of 2^27 pages is 134,217.7.
      expect(watermarksOf([zone('Normal', 2 ** 20, 2 ** 27)])).toEqual([
        { min: 23_170, low: 157_387, high: 291_604, lowmemReserve: [0, 0, 0, 0] },
      ]);
    });

    it('of a zone Movable above: only requests that may use it are kept from the zones below', () => {
      const zones = [zone('Normal', 2 ** 20, 2 ** 15), zone('Movable', 2 ** 21, 2560)];
      expect(watermarksOf(zones).map(({ lowmemReserve }) => lowmemReserve)).toEqual([
        [0, 0, 0, 10],
        [0, 0, 0, 0],
      ]);
    });
  });
});
