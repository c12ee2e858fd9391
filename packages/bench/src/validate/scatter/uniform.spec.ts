import { type MemoryState, type Pfn, x86Geometry } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import { UniformPlacement } from './uniform.ts';

const memory: MemoryState = freshBoot(8 * 2 ** 30);
const geometry = x86Geometry(12 * 2 ** 18);
const placement = () => new UniformPlacement(memory, geometry, 1);
const blockOf = (pfn: number) => Math.floor(pfn / 512);

describe('placement by chance', () => {
  it('draws pages of the highest zone, all over it', () => {
    const chance = placement();
    const claimed = Array.from({ length: 1000 }, () => chance.claim(0));
    expect(new Set(claimed).size).toBe(1000);
    expect(Math.min(...claimed)).toBeGreaterThanOrEqual(2 ** 20);
    // 5 GiB have 2560 blocks, nearly all free: 1000 pages lie in about 828 of them.
    expect(new Set(claimed.map(blockOf)).size).toBeGreaterThan(780);
  });

  it('draws whole chunks at their alignment, which do not overlap', () => {
    const chance = placement();
    const claimed = [10, 9, 5, 3].flatMap((order) =>
      Array.from({ length: 50 }, () => [chance.claim(order), 1 << order] as const),
    );
    expect(claimed.every(([pfn, pages]) => pfn % pages === 0)).toBe(true);
    const pages = claimed.flatMap(([pfn, count]) => Array.from({ length: count }, (_, page) => pfn + page));
    expect(new Set(pages).size).toBe(pages.length);
  });

  it('goes on in the zone below at the low watermark, and finds every chunk before it gives up', () => {
    const [dma, dma32, normal] = memory.zones;
    const chance = new UniformPlacement(
      { ...memory, zones: [dma, dma32, { ...normal, lowWatermark: 10_000_000 }] },
      geometry,
      1,
    );
    expect(chance.claim(0)).toBeLessThan(2 ** 20);
    let blocks = 0;
    while (chance.claim(10) >= 0) blocks++;
    const free = memory.zones.reduce((sum, zone) => sum + zone.free.Movable[10], 0);
    expect(blocks).toBe(free - 1);
  });

  it('takes back what it gave', () => {
    const chance = placement();
    const all: Pfn[] = [];
    for (let pfn = chance.claim(10); pfn !== -1; pfn = chance.claim(10)) all.push(pfn);
    chance.giveBack(all[5], 10);
    expect(chance.claim(10)).toBe(all[5]);
  });
});
