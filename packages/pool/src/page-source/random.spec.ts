import { expect, it } from 'vitest';
import { randomFrom, shuffle } from './random.ts';

it('shuffling keeps every item, and depends on the seed alone', () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  const shuffled = (seed: number) => shuffle([...items], randomFrom(seed));
  expect(shuffled(1)).toEqual(shuffled(1));
  expect(shuffled(1)).not.toEqual(shuffled(2));
  expect([...shuffled(1)].sort((a, b) => a - b)).toEqual(items);
});
