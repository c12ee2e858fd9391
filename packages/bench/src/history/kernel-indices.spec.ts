import { describe, expect, it } from 'vitest';
import {
  externalFragmentation,
  fragmentationIndex,
  freePages,
  suitableChunks,
  unusableFreeIndex,
} from './kernel-indices.ts';

const NONE = new Array(11).fill(0);
/** 3 pages, 2 of order 1, one of order 3: 3 + 4 + 8 = 15 pages in 6 chunks. */
const SOME = [3, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0];
const ORDERS = [0, 1, 2, 3, 4, 9];

it('counts free pages, and the chunks of an order that they can be cut into', () => {
  expect(freePages(SOME)).toBe(15);
  // Of order 1: 2 as they are and 4 out of the one of order 3.
  expect(ORDERS.map((order) => suitableChunks(SOME, order))).toEqual([15, 6, 2, 1, 0, 0]);
});

describe('unusable_free_index', () => {
  it('is the part of free memory that an order cannot use, in thousandths, rounded down', () => {
    // Order 1: (15 - 12) * 1000 / 15 = 200; order 2: (15 - 8) * 1000 / 15 = 466.67.
    expect(ORDERS.map((order) => unusableFreeIndex(SOME, order))).toEqual([0, 200, 466, 466, 1000, 1000]);
  });

  it('is 1000 where nothing is free', () => {
    expect(unusableFreeIndex(NONE, 0)).toBe(1000);
  });
});

describe('fragmentation_index', () => {
  it('is -1000 where a request would be served', () => {
    expect([0, 1, 2, 3].map((order) => fragmentationIndex(SOME, order))).toEqual([
      -1000, -1000, -1000, -1000,
    ]);
  });

  it('tends to 1000 for fragmentation and to 0 for want of memory', () => {
    // Order 4: 1000 - (1000 + floor(15000 / 16)) / 6 = 1000 - floor(1937 / 6) = 678.
    expect(fragmentationIndex(SOME, 4)).toBe(678);
    // 4096 single pages, order 9: 1000 - floor((1000 + 8000) / 4096) = 998.
    expect(fragmentationIndex([4096, ...NONE.slice(1)], 9)).toBe(998);
    // One page, order 9: 1000 - floor((1000 + floor(1000 / 512)) / 1) = -1.
    expect(fragmentationIndex([1, ...NONE.slice(1)], 9)).toBe(-1);
  });

  it('is 0 where nothing is free, though nothing is suitable either', () => {
    expect(fragmentationIndex(NONE, 0)).toBe(0);
  });
});

describe('extfrag_for_order', () => {
  it('is the part of free memory that an order cannot use, in percent, rounded down', () => {
    expect(ORDERS.map((order) => externalFragmentation(SOME, order))).toEqual([0, 20, 46, 46, 100, 100]);
  });

  it('is 0 where nothing is free: there unusable_free_index is 1000', () => {
    expect(externalFragmentation(NONE, 0)).toBe(0);
  });
});
