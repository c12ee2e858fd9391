import { type MemoryState, spanOf, x86Geometry } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { expect, it } from 'vitest';
import { batchOf, guessesOf, highMarkOf, startFromCounts } from './counted-start.ts';
import { managedPages } from './memory-layout.ts';
import { oneZone } from './testing.ts';

it('the batch of a zone is a power of two less 1, 63 pages at most: zone_batchsize()', () => {
  // A quarter of a thousandth, and half as much again, rounded down to a power of two.
  expect([4096, 2 ** 16, 100_000, 2 ** 18, 2 ** 24].map(batchOf)).toEqual([1, 15, 31, 63, 63]);
});

it('the lists of all CPUs together hold as much as the low watermark, each four batches at least: zone_highsize()', () => {
  expect(highMarkOf(5000, 63)).toBe(5000);
  expect(highMarkOf(5003, 63, 4)).toBe(1250);
  expect(highMarkOf(100, 63)).toBe(252);
});

it('zones that are alike have their free chunks at other places', () => {
  const [zone] = oneZone({ Movable: { 0: 40 } }).zones;
  const zones = [0, 1, 2].map((node) => ({
    ...zone,
    ...(node === 0 ? {} : { node }),
    ram: [[2 ** 20 + node * 4096, 4096]] as const,
  }));
  const memory: MemoryState = { name: 'alike', zones, directMap: [] };
  const placesOf = (seed: number) =>
    guessesOf(memory, x86Geometry(spanOf(memory)), seed).map(({ chunks }, index) =>
      JSON.stringify(chunks.map(({ pfn }) => pfn - zones[index].ram[0][0])),
    );
  // Nor is a zone like another with a seed nearby.
  expect(new Set([1, 2, 3].flatMap(placesOf)).size).toBe(9);
});

it('pages that can move are those recorded of a pageblock, else the page cache, else what is in use in Movable pageblocks', () => {
  const state = oneZone({ Movable: { 8: 4 }, Unmovable: { 8: 3 } });
  const movableIn = (zone: Partial<MemoryState['zones'][number]>) => {
    const memory = { ...state, zones: [{ ...state.zones[0], ...zone }] };
    const { buddy } = startFromCounts(memory, x86Geometry(spanOf(memory)), 1, PLAIN_PAGE_SOURCE).allocator;
    return [...buddy.movableIn.subarray(2 ** 11)];
  };
  const sorted = (pages: number[]) => pages.sort((a, b) => a - b);
  // Five Movable pageblocks, four of them half free.
  expect(sorted(movableIn({}))).toEqual([0, 0, 0, 256, 256, 256, 256, 512]);
  const cache = movableIn({ pageCache: 700 });
  expect(cache.reduce((sum, pages) => sum + pages, 0)).toBe(700);
  expect(Math.max(...cache)).toBeLessThanOrEqual(512);
  const positions = { chunks: [], pageblocks: [], movable: [[2 ** 20 + 512, 2, 300] as const] };
  expect(movableIn({ positions, pageCache: 700 })).toEqual([0, 300, 300, 0, 0, 0, 0, 0]);
});

it('memory that is reserved at boot is not managed by the page allocator, in the zone where it begins', () => {
  const ram = [
    [0, 100],
    [200, 50],
  ] as const;
  expect(managedPages(ram)).toBe(150);
  expect(
    [[200, 20] as const, [0, 20] as const, [249, 1] as const].map((run) => managedPages(ram, run)),
  ).toEqual([130, 130, 149]);
  expect(
    [[100, 20] as const, [150, 20] as const, [250, 20] as const].map((run) => managedPages(ram, run)),
  ).toEqual([150, 150, 150]);
});
