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
