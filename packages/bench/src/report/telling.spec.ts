import { expect, it } from 'vitest';
import { type Made, madeResults } from './page/testing.ts';
import { differencesIn, tellingOrder } from './telling.ts';

const ranked = [['kernel'], ['pool']];
const made = (policies: Made['policies'], more: Partial<Made> = {}) =>
  madeResults({ policies, ranked, ...more });

const alike = made({ kernel: [1, 2, 3], pool: [1, 2, 3] });
const oneRow = made({ kernel: [1, 2, 3], pool: [1, 2, 4] });
const twoRows = made({ kernel: [1, 2, 3], pool: [0, 2, 4] });

it('counts each key metric and pair of policies that differ', () => {
  expect([alike, oneRow, twoRows].map(differencesIn)).toEqual([0, 1, 2]);
  expect(differencesIn(made({ kernel: [1, 2, 3], pool: [0, 2, 3], other: [2, 2, 3] }))).toBe(3);
});

it('leaves out differences within the spread over the seeds', () => {
  expect(differencesIn(made({ kernel: [10, 2, 3], pool: [9, 2, 3] }, { spread: 2 }))).toBe(0);
  expect(differencesIn(made({ kernel: [10, 2, 3], pool: [7, 2, 3] }, { spread: 2 }))).toBe(1);
});

it('puts the input that tells policies apart best first, and keeps the order of ties', () => {
  expect(tellingOrder([alike, oneRow, twoRows])).toEqual([2, 1, 0]);
  expect(tellingOrder([oneRow, alike, oneRow, alike])).toEqual([0, 2, 1, 3]);
  expect(tellingOrder([])).toEqual([]);
});
