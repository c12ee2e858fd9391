import { describe, expect, it } from 'vitest';
import { freshBoot } from './profiles.ts';
import { watermarksOf } from './watermarks.ts';

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
});
