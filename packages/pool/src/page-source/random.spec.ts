import { expect, it } from 'vitest';
import { randomFrom, shuffle } from './random.ts';

it('shuffling keeps every item, and depends on the seed alone', () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  const shuffled = (seed: number) => shuffle([...items], randomFrom(seed));
  expect(shuffled(1)).toEqual(shuffled(1));
  expect(shuffled(1)).not.toEqual(shuffled(2));
  expect([...shuffled(1)].sort((a, b) => a - b)).toEqual(items);
});

it('the first numbers of seeds that are near each other are spread over the whole range', () => {
  const tenths = new Array<number>(10).fill(0);
  for (let seed = 0; seed < 1000; seed++) tenths[randomFrom(seed).below(10)]++;
  // 100 are expected in each; 50 is five standard deviations away.
  expect(Math.min(...tenths)).toBeGreaterThan(50);
  expect(Math.max(...tenths)).toBeLessThan(150);
});

it('a number below a limit is any from 0 to the limit less 1', () => {
  const random = randomFrom(7);
  expect(new Set(Array.from({ length: 100 }, () => random.below(3)))).toEqual(new Set([0, 1, 2]));
  expect(random.below(1)).toBe(0);
});

it('a seed gives the same numbers in every version: logs hold seeds', () => {
  const numbersOf = (seed: number) => {
    const random = randomFrom(seed);
    return Array.from({ length: 5 }, () => random.below(1000));
  };
  expect(numbersOf(2)).toEqual([496, 135, 949, 896, 710]);
  expect(numbersOf(3)).not.toEqual(numbersOf(2));
  // Seeds are 32 bits.
  expect(numbersOf(2 ** 32 + 2)).toEqual(numbersOf(2));
});

it('shuffling makes every order as likely as another, and draws a number for each item but one', () => {
  const orders = new Map<string, number>();
  for (let seed = 0; seed < 1200; seed++) {
    let draws = 0;
    const random = randomFrom(seed);
    const counting = {
      below: (limit: number) => {
        draws++;
        return random.below(limit);
      },
    };
    const order = shuffle(['a', 'b', 'c'], counting).join('');
    expect(draws).toBe(2);
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  // 200 are expected of each; 60 is more than four standard deviations.
  expect(orders.size).toBe(6);
  for (const count of orders.values()) expect(Math.abs(count - 200)).toBeLessThan(60);
});
