import { expect, it } from 'vitest';
import { lifetimesOf } from './lifetimes.ts';
import { allocate, free } from './testing.ts';

it('mu is the longest over the shortest life; what is never freed lives to the end', () => {
  const requests = [allocate(1, 1), allocate(2, 1, { time: 10 }), free(2, 14), allocate(3, 1, { time: 20 })];
  expect(lifetimesOf(requests)).toEqual({
    allocations: 3,
    neverFreed: 2,
    zero: 1,
    longestNs: 20,
    shortestNs: 4,
    mu: 5,
  });
});

it('there is no mu where nothing lives for any time, and streaming maps have no say', () => {
  expect(lifetimesOf([allocate(1, 1), free(1)])).toMatchObject({ zero: 1, mu: undefined });
  expect(lifetimesOf([])).toMatchObject({ allocations: 0, longestNs: 0, shortestNs: 0 });
  const map = allocate(1, 1, { api: 'dma_map', bytes: 66 });
  expect(lifetimesOf([map, free(1, 3)])).toMatchObject({ allocations: 0, mu: undefined });
});

it('the shortest life that counts is one of 1 ns', () => {
  const requests = [allocate(1, 1), free(1, 1), allocate(2, 1, { time: 1 }), free(2, 1)];
  expect(lifetimesOf(requests)).toMatchObject({ zero: 1, longestNs: 1, shortestNs: 1, mu: 1 });
});
