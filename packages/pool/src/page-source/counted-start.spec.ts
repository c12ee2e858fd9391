import { type MemoryState, type PageSourceSettings, spanOf, x86Geometry } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { expect, it } from 'vitest';
import { TYPE } from '../page-allocator/migratetypes.ts';
import { batchOf, guessesOf, highMarkOf, perCpuStart, startFromCounts } from './counted-start.ts';
import { managedPages } from './memory-layout.ts';
import { oneZone } from './testing.ts';

it('the batch of a zone is a power of two less 1, 63 pages at most: zone_batchsize()', () => {
  // A quarter of a thousandth, and half as much again, rounded down to a power of two.
  expect([4096, 2 ** 16, 100_000, 2 ** 18, 2 ** 24].map(batchOf)).toEqual([1, 15, 31, 63, 63]);
});

it('the batch is a quarter of a thousandth of a zone of any size, so rounded', () => {
  for (let managed = 0; managed < 2 ** 19; managed += 1000) {
    const quarter = Math.min(64, Math.floor(managed / 4096));
    const powers = [2, 4, 8, 16, 32, 64].filter((power) => power <= quarter + Math.floor(quarter / 2));
    expect(batchOf(managed)).toBe((powers.at(-1) ?? 2) - 1);
  }
});

it('since 6.7 the lists of all CPUs may grow to an eighth of the zone: zone_set_pageset_high_and_batch()', () => {
  const GIB_PAGES = 2 ** 18;
  expect(perCpuStart({ managed: GIB_PAGES, low: 5003 }, 1)).toEqual({
    batch: 63,
    high: 5003,
    highMin: 5003,
    highMax: GIB_PAGES / 8,
  });
  expect(perCpuStart({ managed: GIB_PAGES, low: 5003 }, 4)).toMatchObject({
    highMin: 1250,
    highMax: GIB_PAGES / 32,
  });
  // An eighth of 5000 pages is 625.
  expect(perCpuStart({ managed: 5000, low: 0 }, 3)).toMatchObject({ high: 4, highMax: 208 });
  // 50 pages for 30 lists are less than four batches for each.
  expect(perCpuStart({ managed: 400, low: 0 }, 30)).toEqual({ batch: 1, high: 4, highMin: 4, highMax: 4 });
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

const startOf = (memory: MemoryState, settings: Partial<PageSourceSettings> = {}) =>
  startFromCounts(memory, x86Geometry(spanOf(memory)), 1, { ...PLAIN_PAGE_SOURCE, ...settings });

let asked = 0;

it('a seed gives the same places in every version: a log holds the seed, not the places', () => {
  const [zone] = oneZone({ Movable: { 0: 3 } }).zones;
  // Another watermark each time, which decides nothing here: places that are known would not be guessed again.
  const lowWatermark = ++asked;
  const zones = [
    { ...zone, lowWatermark },
    { ...zone, lowWatermark, node: 1, ram: [[2 ** 20 + 4096, 4096]] as const },
  ];
  const memory: MemoryState = { name: 'two nodes', zones, directMap: [] };
  const places = guessesOf(memory, x86Geometry(spanOf(memory)), 1).map(({ chunks }, index) =>
    chunks.map(({ pfn }) => pfn - zones[index].ram[0][0]),
  );
  expect(places).toEqual([
    [2192, 1484, 1665],
    [3543, 753, 3688],
  ]);
});

it('a zone begins with its recorded watermarks; without them, with its low watermark alone', () => {
  const { zones, ...rest } = oneZone({ Movable: { 3: 2, 0: 5 } });
  const watermarks = { min: 10, low: 20, high: 30, lowmemReserve: [1, 2, 3] };
  const hole = [
    [2 ** 20 + 4096, 1024],
    [2 ** 20 + 6144, 2048],
  ] as const;
  const memory: MemoryState = {
    ...rest,
    zones: [
      { ...zones[0], lowWatermark: 77 },
      { ...zones[0], node: 1, ram: hole, watermarks },
    ],
    reserved: [2 ** 20 + 512, 512],
  };
  const { allocator } = startOf(memory);
  const common = {
    boost: 0,
    reservedHighatomic: 0,
    isReclaiming: false,
    isBelowHigh: false,
    isBoosted: false,
  };
  expect(allocator.zones).toMatchObject([
    {
      ...common,
      index: 0,
      start: 2 ** 20,
      end: 2 ** 20 + 4096,
      managed: 4096 - 512,
      min: 0,
      low: 77,
      high: 77,
      lowmemReserve: [],
    },
    { ...common, index: 1, start: 2 ** 20 + 4096, end: 2 ** 20 + 8192, managed: 3072, ...watermarks },
  ]);
  // Two chunks of eight pages and five pages.
  expect(allocator.zones.map(({ freeCounter }) => freeCounter)).toEqual([21, 21]);
});

it('pageblocks have the migratetypes of the guess', () => {
  const memory = oneZone({ Movable: { 8: 4 }, Unmovable: { 8: 3 } });
  const { buddy } = startOf(memory).allocator;
  const [{ pageblocks }] = guessesOf(memory, x86Geometry(spanOf(memory)), 1);
  expect(pageblocks.size).toBe(8);
  for (const [block, type] of pageblocks) expect(buddy.typeOf(block * 512)).toBe(type);
});

it('chunks in pageblocks of another migratetype and those without a place are counted over all zones', () => {
  const [zone] = oneZone({ Unmovable: { 0: 5 }, Movable: { 10: 6 } }).zones;
  const wrong = { ...zone, pageblocks: { ...zone.pageblocks, Unmovable: 0, Movable: 8 } };
  const zones = [wrong, { ...wrong, node: 1, ram: [[2 ** 20 + 4096, 4096]] as const }];
  const counts = zones.map((_, index) => {
    const { misplaced, dropped } = startOf({
      name: 'wrong',
      zones: zones.slice(0, index + 1),
      directMap: [],
    });
    return { misplaced, dropped };
  });
  // Four chunks fill the eight pageblocks, which leaves none for the single pages.
  expect(counts).toEqual([
    { misplaced: 0, dropped: 2 + 5 },
    { misplaced: 0, dropped: 4 + 10 },
  ]);
  const roomy = { ...wrong, free: { ...wrong.free, Movable: new Array<number>(11).fill(0) } };
  const both = [roomy, { ...roomy, node: 1, ram: zones[1].ram }];
  expect(startOf({ name: 'roomy', zones: both, directMap: [] })).toMatchObject({ misplaced: 10, dropped: 0 });
});

it('there are per-CPU lists of each CPU if the settings say so, 1 by default', () => {
  const memory = oneZone({ Movable: { 9: 4 } });
  for (const [cpus, count] of [
    [undefined, 1],
    [3, 3],
  ] as const) {
    const { allocator } = startOf(memory, { perCpuLists: true, ...(cpus === undefined ? {} : { cpus }) });
    expect(allocator.cpus).toBe(count);
    expect(allocator.perCpuLists.serves(0, TYPE.Movable)).toBe(true);
    expect(allocator.perCpuLists.pages).toBe(0);
  }
  expect(startOf(memory).allocator.perCpuLists.serves(0, TYPE.Movable)).toBe(false);
});

it('pages that can move are those recorded of a pageblock, else the page cache, else what is in use in Movable pageblocks', () => {
  const state = oneZone({ Movable: { 8: 4 }, Unmovable: { 8: 3 } });
  const movableIn = (zone: Partial<MemoryState['zones'][number]>) => {
    const memory = { ...state, zones: [{ ...state.zones[0], ...zone }] };
    const { buddy } = startOf(memory).allocator;
    return [...buddy.movableIn.subarray(2 ** 11)];
  };
  const sorted = (pages: number[]) => pages.sort((a, b) => a - b);
  // Five Movable pageblocks, four of them half free.
  expect(sorted(movableIn({}))).toEqual([0, 0, 0, 256, 256, 256, 256, 512]);
  const cache = movableIn({ pageCache: 700 });
  expect(cache.reduce((sum, pages) => sum + pages, 0)).toBe(700);
  expect(Math.max(...cache)).toBeLessThanOrEqual(512);
  // More page cache than is in use: all of it can move, also that in Unmovable pageblocks.
  expect(sorted(movableIn({ pageCache: 4000 }))).toEqual([256, 256, 256, 256, 256, 256, 256, 512]);
  expect(sorted(movableIn({ pageCache: 0 }))).toEqual(new Array(8).fill(0));
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
