import { expect, it } from 'vitest';
import { invalidText, isWeight, WEIGHT_LIMIT } from './weights.ts';

it('a weight is a number from nothing to a second', () => {
  expect([0, 0.5, WEIGHT_LIMIT].map(isWeight)).toEqual([true, true, true]);
  expect([-5, 1e300, Number.NaN, Number.POSITIVE_INFINITY].map(isWeight)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

it('tells what is counted in the place of what cannot be a weight', () => {
  expect(invalidText([])).toBe('');
  expect(invalidText([{ label: 'host calls', counted: 5000 }])).toMatch(
    /0 to 1,000,000,000.*host calls 5,000 ns/,
  );
});
