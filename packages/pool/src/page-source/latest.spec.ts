import { expect, it } from 'vitest';
import { Latest } from './latest.ts';

it('makes what it does not have, and keeps what was asked for last', () => {
  const made: string[] = [];
  const latest = new Latest<string>(2);
  const get = (key: string) =>
    latest.get(key, () => {
      made.push(key);
      return key.toUpperCase();
    });
  expect(['a', 'b', 'a', 'c', 'a', 'b'].map(get)).toEqual(['A', 'B', 'A', 'C', 'A', 'B']);
  // 'c' displaced 'b', because 'a' had been asked for again.
  expect(made).toEqual(['a', 'b', 'c', 'b']);
});
