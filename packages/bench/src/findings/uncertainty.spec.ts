import { describe, expect, it } from 'vitest';
import { medianInterval, medianOf, signTest, verdictOf } from './uncertainty.ts';

describe('the sign test', () => {
  // Binomial tails by hand: 2 * (C(n, 0) + ... + C(n, k)) / 2^n.
  it.each([
    [10, 0, 2 / 1024],
    [0, 10, 2 / 1024],
    [9, 1, (2 * (1 + 10)) / 1024],
    [8, 2, (2 * (1 + 10 + 45)) / 1024],
    [6, 0, 2 / 64],
    [5, 0, 2 / 32],
    [4, 2, (2 * (1 + 6 + 15)) / 64],
  ])('of %i pairs below and %i above is the binomial tail on both sides', (below, above, probability) => {
    expect(signTest(below, above)).toBe(probability);
  });

  it('cannot tell from chance what is even, or all ties', () => {
    expect(signTest(5, 5)).toBe(1);
    expect(signTest(3, 4)).toBe(1);
    expect(signTest(0, 0)).toBe(1);
  });

  it('is exact for many pairs', () => {
    expect(signTest(60, 40)).toBeCloseTo(0.0569, 4);
    expect(signTest(1000, 0)).toBe(2 / 2 ** 1000);
  });
});

describe('a verdict', () => {
  const tens = Array.from({ length: 10 }, (_, seed) => 10 + seed);
  const lowered = (by: readonly number[]) => tens.map((value, seed) => value - (by[seed] ?? 0));

  it('is clear if nine of ten seeds agree, and not if eight do', () => {
    expect(verdictOf(lowered([1, 1, 1, 1, 1, 1, 1, 1, 1, -1]), tens)).toBe('clearly less');
    expect(verdictOf(lowered([1, 1, 1, 1, 1, 1, 1, 1, -1, -1]), tens)).toBe('less');
    expect(verdictOf(tens, lowered(Array(10).fill(3)))).toBe('clearly more');
  });

  it('leaves ties and missing seeds out: five that agree are too few', () => {
    expect(verdictOf(lowered([1, 1, 1, 1, 1]), tens)).toBe('less');
    expect(verdictOf(lowered([1, 1, 1, 1, 1, 1]), tens)).toBe('clearly less');
    expect(verdictOf(lowered([1, 1, 1, 1, 1, Number.NaN]), tens)).toBe('less');
    expect(verdictOf(tens, tens)).toBe('equal');
  });
});

describe('the interval of a median', () => {
  it('is one point if nothing varies', () => {
    expect(medianInterval([[[7, 7, 7]], [[7, 7, 7]]])).toEqual({ low: 7, high: 7 });
  });

  it('has the median in it, and is the same each time', () => {
    const table = [Array.from({ length: 40 }, (_, seed) => (seed * 37) % 40)];
    const interval = medianInterval([table]);
    expect(interval).toEqual(medianInterval([table]));
    expect(interval.low).toBeLessThan(19.5);
    expect(interval.high).toBeGreaterThan(19.5);
    // The order statistics of a binomial interval for n = 40 are the 14th and the 27th of 0..39.
    expect(Math.abs(interval.low - 13)).toBeLessThanOrEqual(1.5);
    expect(Math.abs(interval.high - 26)).toBeLessThanOrEqual(1.5);
  });

  it('is as wide as the memory states differ, even if there are many seeds', () => {
    const seeds = (value: number) => Array<number>(50).fill(value);
    expect(medianInterval([[seeds(0), seeds(10)]])).toEqual({ low: 0, high: 10 });
  });

  it('leaves out runs without a value', () => {
    expect(medianInterval([[[Number.NaN, 3]]])).toEqual({ low: 3, high: 3 });
    expect(medianInterval([[[Number.NaN]]]).low).toBeNaN();
    expect(medianOf([Number.NaN, 1, 2])).toBe(1.5);
  });
});
