import fc from 'fast-check';
import { expect, it } from 'vitest';
import { changePercent, spreadOf } from './spread.ts';

it('a spread is the median with the smallest and the largest', () => {
  expect(spreadOf([7])).toEqual({ values: [7], median: 7, min: 7, max: 7 });
  expect(spreadOf([10, 9, 100])).toEqual({ values: [10, 9, 100], median: 10, min: 9, max: 100 });
  expect(spreadOf([4, 1, 3, 2])).toMatchObject({ median: 2.5, min: 1, max: 4 });
});

it('a spread keeps the values in the order of the seeds', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), (values) => {
      const given = [...values];
      const { median, min, max } = spreadOf(values);
      expect(values).toEqual(given);
      const below = values.filter((value) => value <= median).length;
      const above = values.filter((value) => value >= median).length;
      expect(2 * below).toBeGreaterThanOrEqual(values.length);
      expect(2 * above).toBeGreaterThanOrEqual(values.length);
      expect([min, max]).toEqual([Math.min(...values), Math.max(...values)]);
    }),
  );
});

it('there is no spread of nothing', () => {
  expect(() => spreadOf([])).toThrow(TypeError);
});

it('a change is told in percent of the baseline, and cannot be told of 0', () => {
  expect(changePercent(50, 100)).toBe(-50);
  expect(changePercent(0, 3)).toBe(-100);
  expect(changePercent(30, 10)).toBe(200);
  expect(changePercent(0, 0)).toBe(0);
  expect(changePercent(1, 0)).toBeUndefined();
});
