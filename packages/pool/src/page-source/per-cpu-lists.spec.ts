import type { MemoryState, Pfn } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { batchOf, highMarkOf } from './counted-start.ts';
import type { PageSource } from './page-source.ts';
import { fragmented, freshBoot } from './profiles.ts';
import { GIB, MIB, oneZone, sourceOf } from './testing.ts';

const withLists = (memory: MemoryState, seed = 1) =>
  sourceOf(memory, seed, { ...PLAIN_PAGE_SOURCE, perCpuLists: true });

const claimed = (source: PageSource, count: number, order = 0) =>
  Array.from({ length: count }, () => source.claim(order, 'Unmovable') as Pfn);

describe('the batch and the high mark of a zone', () => {
  it('are what recorded machines show', () => {
    // Zones DMA, DMA32 and Normal of a 4 GiB guest, by their managed pages.
    expect([3840, 754593, 243846].map(batchOf)).toEqual([1, 63, 63]);
    // 63 from 1 GiB on; half of that for half as much, a power of two less one.
    expect([2 ** 30, 2 ** 18, 2 ** 17, 2 ** 16].map(batchOf)).toEqual([63, 63, 31, 15]);
    // The low watermark; that of DMA32, 15885, was shared by two CPUs there, which had 7942 each.
    expect(highMarkOf(15885, 63)).toBe(15885);
    expect(highMarkOf(15885, 63, 2)).toBe(7942);
    expect(highMarkOf(0, 63)).toBe(252);
  });
});

describe('per-CPU lists', () => {
  it.each([
    [0, 63],
    [1, 31],
    [2, 15],
    [3, 7],
  ])('are filled for order %i with %i chunks at once', (order, chunks) => {
    const memory = freshBoot(5 * GIB);
    const source = withLists(memory);
    const total = source.freePages;
    const pages = 2 ** order;
    source.claim(order, 'Unmovable');
    expect(source.pcpPages).toBe((chunks - 1) * pages);
    expect(source.freePages).toBe(total - pages);
    claimed(source, chunks - 1, order);
    expect(source.pcpPages).toBe(0);
    source.claim(order, 'Unmovable');
    expect(source.pcpPages).toBe((chunks - 1) * pages);
  });

  it('serve orders 0 to 3 and no higher', () => {
    const source = withLists(freshBoot(5 * GIB));
    const at = source.claim(4, 'Unmovable') as Pfn;
    source.giveBack(at, 4);
    expect(source.pcpPages).toBe(0);
  });

  it('hold each order and migratetype apart', () => {
    const source = withLists(freshBoot(5 * GIB));
    source.claim(0, 'Unmovable');
    source.claim(0, 'Movable');
    source.claim(1, 'Movable');
    expect(source.pcpPages).toBe(62 + 62 + 60);
  });

  it('serve pages in the order in which the zone would', () => {
    const memory = fragmented(2 * GIB, 0.5, 3);
    expect(claimed(withLists(memory), 2048)).toEqual(claimed(sourceOf(memory), 2048));
  });

  it('serve what was given back last first, and merge nothing', () => {
    const source = withLists(freshBoot(5 * GIB));
    const [first, second] = claimed(source, 2);
    expect(second).toBe(first + 1);
    const before = source.freeChunks('Normal', 'Unmovable');
    source.giveBack(first, 0);
    source.giveBack(second, 0);
    expect(source.freeChunks('Normal', 'Unmovable')).toEqual(before);
    expect(claimed(source, 2)).toEqual([second, first]);
  });

  it('give the zone a batch back, the oldest pages first, at the high mark', () => {
    const source = withLists(freshBoot(5 * GIB));
    const held = claimed(source, 63 * 5);
    expect(source.pcpPages).toBe(0);
    for (const at of held.slice(0, 251)) source.giveBack(at, 0);
    expect(source.pcpPages).toBe(251);
    source.giveBack(held[251], 0);
    expect(source.pcpPages).toBe(252 - 63);
    // The list still holds those given back last, so the next pages are these.
    expect(claimed(source, 252 - 63)).toEqual(held.slice(63, 252).reverse());
    expect(source.pcpPages).toBe(0);
  });

  it('give back from other lists too when the one freed to does not hold a batch', () => {
    const source = withLists(freshBoot(5 * GIB));
    const held = claimed(source, 63 * 4);
    const [large] = claimed(source, 1, 3);
    for (const at of held.slice(0, 252 - 56)) source.giveBack(at, 0);
    // 48 pages of order 3 and 196 of order 0 are in the lists; 8 more make 252.
    expect(source.pcpPages).toBe(244);
    source.giveBack(large, 3);
    expect(source.pcpPages).toBe(252 - 63);
    // All seven chunks of order 3 went first, and seven single pages after them.
    expect(claimed(source, 189)).toEqual(held.slice(7, 196).reverse());
    expect(source.pcpPages).toBe(0);
  });

  it('are given up when the zones have nothing else', () => {
    // The eight reserved pages keep the lagging counter above the watermark; no request may have them.
    const source = withLists(oneZone({ Unmovable: { 4: 1 }, HighAtomic: { 3: 1 } }));
    const at = source.claim(0, 'Unmovable') as Pfn;
    expect(source.claim(3, 'Unmovable')).toBe((at & ~15) + 8);
    source.giveBack(at, 0);
    expect(source.claim(2, 'Movable')).not.toBe(-1);
    expect(source.claim(2, 'Movable')).not.toBe(-1);
    expect([source.freePages, source.claim(0, 'Movable')]).toEqual([8, -1]);
  });

  it('count in no watermark', () => {
    const [normal] = oneZone({ Unmovable: { 10: 1 } }).zones;
    const [, dma32] = freshBoot(64 * MIB).zones;
    const zones = [dma32, { ...normal, lowWatermark: 1024 - 8 }];
    const source = withLists({ name: 'two', zones, directMap: [] });
    // Batches are of one page in so small a zone: with each the zone is a page nearer to its watermark. The counter is
    // changed by three pages at a time.
    const zone = () => source.zoneIndexOf(source.claim(0, 'Unmovable'));
    expect(Array.from({ length: 10 }, zone)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
  });

  it('take reserved pages as movable ones, and isolated ones not at all', () => {
    const reserved = withLists(oneZone({ HighAtomic: { 0: 1 }, Movable: { 3: 1 } }));
    const at = reserved.claim(0, 'HighAtomic') as Pfn;
    reserved.giveBack(at, 0);
    expect(reserved.pcpPages).toBe(1);
    expect(reserved.claim(0, 'Movable')).toBe(at);
    const isolated = withLists(oneZone({ Isolate: { 0: 1 } }));
    isolated.giveBack(isolated.claim(0, 'Isolate') as Pfn, 0);
    expect([isolated.pcpPages, isolated.freeChunks('Normal', 'Isolate')[0]]).toEqual([0, 1]);
  });

  it('refuse a page that is in them already', () => {
    const source = withLists(freshBoot(5 * GIB));
    const [at] = claimed(source, 1, 1);
    source.giveBack(at, 1);
    expect(() => source.giveBack(at, 0)).toThrow(`page ${at} is given back, but it is free already`);
  });
});
