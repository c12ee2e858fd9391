/** What a CPU's lists hold, by hand: nr_pcp_alloc(), nr_pcp_high(), nr_pcp_free() and decay_pcp_high(), mm/page_alloc.c. */
import { describe, expect, it } from 'vitest';
import { type PerCpu, PerCpu61, PerCpu67 } from './per-cpu.ts';
import type { Zone } from './zone.ts';

const zoneThat = (is: Partial<Zone> = {}) =>
  ({ isReclaiming: false, isBelowHigh: false, ...is }) as unknown as Zone;

/** Frees a chunk of each order, and returns how many pages went back after each. */
const frees = (perCpu: PerCpu, orders: readonly number[], zone = zoneThat()): number[] =>
  orders.map((order) => {
    perCpu.count += 2 ** order;
    const pages = perCpu.pagesToReturn(zone, order);
    perCpu.count -= pages;
    return pages;
  });
const freesPages = (perCpu: PerCpu, pages: number, zone?: Zone): number[] =>
  frees(perCpu, new Array<number>(pages).fill(0), zone).filter((back) => back > 0);
const holding = <Lists extends PerCpu>(perCpu: Lists, count: number): Lists => {
  perCpu.count = count;
  return perCpu;
};

describe('6.1', () => {
  const lists = (start: Partial<ConstructorParameters<typeof PerCpu61>[0]> = {}) =>
    new PerCpu61({ batch: 4, high: 20, ...start });

  it('fills a list with a batch of pages, but with two chunks at the least', () => {
    const filled = (batch: number) =>
      [0, 1, 2, 3, 9].map((order) => lists({ batch }).chunksToFill(zoneThat(), order));
    expect(filled(63)).toEqual([63, 31, 15, 7, 2]);
    expect(filled(1)).toEqual([1, 1, 1, 1, 1]);
  });

  it('gives back twice as much each time, up to a batch below the high mark, and half of it after a request', () => {
    const some = lists();
    expect(freesPages(some, 20 + 4 + 8 + 16)).toEqual([4, 8, 16, 16]);
    some.allocating();
    expect(freesPages(holding(some, 19), 1)).toEqual([8]);
  });

  it('gives back page by page if the high mark is below a batch, and a batch if it is one', () => {
    expect(freesPages(lists({ high: 3 }), 5)).toEqual([1, 1, 1]);
    expect(freesPages(lists({ high: 4 }), 5)).toEqual([4]);
    expect(freesPages(lists({ high: 0 }), 2)).toEqual([1, 1]);
  });

  it('holds four batches at most while kswapd works', () => {
    const reclaiming = zoneThat({ isReclaiming: true });
    expect(frees(holding(lists(), 14), [0, 0], reclaiming)).toEqual([0, 4]);
    expect(frees(holding(lists({ high: 10 }), 8), [0, 0], reclaiming)).toEqual([0, 4]);
  });

  it('gives back all after a chunk of order 1 to 3, if something went back before', () => {
    const after = (order: number, freeFactor: number) => frees(holding(lists({ freeFactor }), 5), [order])[0];
    expect([0, 1, 3].map((order) => after(order, 1))).toEqual([0, 7, 13]);
    expect([1, 3].map((order) => after(order, 0))).toEqual([0, 0]);
    expect(after(9, 1)).toBe(8);
  });

  it('gives back nothing as time passes', () => {
    expect(holding(lists(), 100).decay()).toBe(0);
  });
});

describe('since 6.7', () => {
  const lists = (start: Partial<ConstructorParameters<typeof PerCpu67>[0]> = {}, addsHalfOfHigh = false) =>
    new PerCpu67({ batch: 4, high: 20, highMin: 10, highMax: 100, ...start }, addsHalfOfHigh);
  const fixed = { highMin: 20, highMax: 20 };
  const fills = (perCpu: PerCpu, orders: readonly number[], zone = zoneThat()) =>
    orders.map((order) => perCpu.chunksToFill(zone, order));
  const eight = new Array<number>(8).fill(0);

  describe('filling a list', () => {
    it('takes twice as much each time, at most 32 batches, and the high mark rises by as much', () => {
      // The high mark: 24, 32, 48, 80, 144, 272, 400, 528.
      expect(fills(lists({ highMax: 1000 }), eight)).toEqual([4, 8, 16, 32, 64, 128, 128, 128]);
      // Up to 100, of which a batch is left free.
      expect(fills(lists(), eight)).toEqual([4, 8, 16, 32, 64, 96, 96, 96]);
    });

    it('leaves the high mark if it does not adapt, or the zone is below its own', () => {
      expect(fills(lists(fixed), eight.slice(4))).toEqual([4, 8, 16, 16]);
      expect(fills(lists(), eight.slice(4), zoneThat({ isBelowHigh: true }))).toEqual([4, 8, 16, 16]);
      expect(fills(holding(lists(fixed), 10), eight.slice(5))).toEqual([4, 6, 6]);
    });

    it('takes a batch of larger chunks, two at the least', () => {
      expect(fills(lists({ batch: 16, highMax: 1000 }), [1, 2, 3, 9, 0, 1])).toEqual([8, 4, 2, 2, 16, 8]);
    });

    it('takes page by page if the high mark is below a batch, and keeps to the bounds of the high mark', () => {
      expect(fills(lists({ high: 3, highMin: 3, highMax: 3 }), [0, 1])).toEqual([1, 1]);
      expect(fills(lists({ high: 4, highMin: 4, highMax: 4 }), [0])).toEqual([4]);
      // The mark is 10, not 5.
      expect(fills(lists({ high: 5 }), [0, 0], zoneThat({ isBelowHigh: true }))).toEqual([4, 6]);
    });

    it('takes half as much again after each free', () => {
      const some = lists({ highMax: 1000, allocFactor: 3 });
      frees(some, [0]);
      expect(fills(some, [0])).toEqual([8]);
    });
  });

  describe('at the high mark', () => {
    it('gives back as many pages as were freed in a row, from a batch up to a batch below the mark', () => {
      const some = holding(lists(fixed), 19);
      // 1, 5, 10 and 20 were freed.
      expect(freesPages(some, 1 + 4 + 5 + 10)).toEqual([4, 5, 10, 16]);
      for (let request = 0; request < 3; request++) some.allocating();
      expect(freesPages(holding(some, 19), 4)).toEqual([4]);
    });

    it('counts 32 batches at most', () => {
      expect(freesPages(lists({ high: 200, highMin: 200, highMax: 200 }), 200)).toEqual([128]);
      expect(frees(lists({ high: 2000, highMin: 2000, highMax: 2000 }), [9, 9, 9, 9])).toEqual([
        0, 0, 0, 512,
      ]);
    });

    it('gives back page by page if the mark is below a batch', () => {
      expect(freesPages(lists({ high: 3, highMin: 3, highMax: 3 }), 5)).toEqual([1, 1, 1]);
      expect(freesPages(lists({ high: 0, highMin: 0, highMax: 0 }), 2)).toEqual([1, 1]);
      expect(freesPages(lists({ high: 4, highMin: 4, highMax: 4 }), 5)).toEqual([4]);
    });

    it('raises the mark, if many were freed in a row', () => {
      const some = holding(lists({ freeCount: 60 }), 19);
      expect(frees(some, [0])).toEqual([16]);
      // 61 pages and a batch.
      expect(frees(holding(some, 63), [0])).toEqual([0]);
      expect(frees(holding(some, 64), [0])[0]).toBeGreaterThan(0);
    });
  });

  it('holds four batches at most while kswapd works, and the mark falls by a batch or what was freed', () => {
    const reclaiming = zoneThat({ isReclaiming: true });
    const some = holding(lists({ high: 50 }), 14);
    expect(frees(some, [0, 0], reclaiming)).toEqual([0, 4]);
    // 50 less 4 twice.
    expect(frees(holding(some, 40), [0])).toEqual([0]);
    expect(frees(holding(some, 41), [0])[0]).toBeGreaterThan(0);
    const many = holding(lists({ high: 50, freeCount: 30 }), 0);
    expect(frees(many, [0], reclaiming)).toEqual([0]);
    expect(frees(holding(many, 18), [0])[0]).toBeGreaterThan(0);
    expect(frees(holding(lists({ high: 50 }), 18), [0])).toEqual([0]);
  });

  it('holds as much as the lower bound while the zone is below its high watermark', () => {
    const below = zoneThat({ isBelowHigh: true });
    const some = holding(lists({ high: 50 }), 8);
    expect(frees(some, [0, 0], below)).toEqual([0, 4]);
    expect(frees(holding(some, 40), [0])).toEqual([0]);
    expect(frees(holding(some, 41), [0])[0]).toBeGreaterThan(0);
  });

  describe('a chunk of order 1 to 3', () => {
    it('gives back all if the one before it was one, too, and a batch was freed in a row', () => {
      expect(frees(lists(), [1, 1, 1])).toEqual([0, 0, 6]);
      expect(frees(lists(), [1, 1, 0, 1, 1])).toEqual([0, 0, 0, 0, 9]);
      expect(frees(lists(), [3, 3])).toEqual([0, 16]);
    });

    it('gives back 32 batches at most, and the mark falls by as much', () => {
      const some = holding(lists({ batch: 1, high: 90, freeCount: 8, wasSmallChunkFreed: true }), 60);
      expect(frees(some, [1])).toEqual([32]);
      // 90 less 32.
      expect(frees(holding(some, 56), [0])).toEqual([0]);
      expect(frees(holding(some, 57), [0])[0]).toBeGreaterThan(0);
    });

    it('gives back nothing if the zone has large batches, and there is none in the lists: PCPF_FREE_HIGH_BATCH', () => {
      const start = { batch: 8, freeCount: 50, wasSmallChunkFreed: true };
      expect(frees(lists(start), [1])).toEqual([2]);
      expect(frees(lists({ ...start, keepsBatch: true }), [1, 1, 1, 1])).toEqual([0, 0, 0, 8]);
      expect(frees(lists({ ...start, wasSmallChunkFreed: false }), [1])).toEqual([0]);
    });

    it('since 7.x does so after half of the lower bound more', () => {
      // 4 and a half of 21.
      const first = (freeCount: number) =>
        frees(lists({ highMin: 21, high: 30, freeCount, wasSmallChunkFreed: true }, true), [1])[0];
      expect([first(13), first(14)]).toEqual([0, 2]);
    });
  });

  it('as time passes the mark falls by an eighth, or to 32 batches below the pages in the lists', () => {
    const some = lists({ batch: 1, high: 80 });
    // 70, 62, 55, 49.
    expect([some.decay(), some.decay(), some.decay()]).toEqual([0, 0, 0]);
    expect(holding(some, 60).decay()).toBe(11);
    expect(holding(lists({ batch: 1, high: 80 }), 200).decay()).toBe(32);
    expect(holding(lists({ high: 10 }), 15).decay()).toBe(5);
    expect(holding(lists({ high: 11 }), 15).decay()).toBe(5);
  });
});
