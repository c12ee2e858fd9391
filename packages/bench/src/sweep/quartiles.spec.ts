import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fiveNumbersOf } from './quartiles.ts';

it('quartiles lie between the sorted values, as R and NumPy place them', () => {
  expect(fiveNumbersOf([7])).toMatchObject({ min: 7, q1: 7, median: 7, q3: 7, max: 7 });
  expect(fiveNumbersOf([4, 1, 3, 2])).toMatchObject({ min: 1, q1: 1.75, median: 2.5, q3: 3.25, max: 4 });
  expect(fiveNumbersOf([50, 10, 30, 20, 40])).toMatchObject({ q1: 20, median: 30, q3: 40 });
});

it('the five numbers are in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), (values) => {
      const { min, q1, median, q3, max } = fiveNumbersOf(values);
      expect([min, q1, median, q3, max].sort((a, b) => a - b)).toEqual([min, q1, median, q3, max]);
    }),
  );
});
