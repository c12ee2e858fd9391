import { expect, it } from 'vitest';
import { SweepPace } from './pace.ts';

it('estimates the time left from what the cells of each input took', () => {
  const pace = new SweepPace(['long', 'long', 'long', 'short', 'short'], 2);
  pace.add('long', 60);
  // Two more of 60 s; of the other input nothing is known yet.
  expect(pace.secondsLeft).toBe((2 * 60 + 2 * 60) / 2);
  pace.add('short', 2);
  expect(pace.secondsLeft).toBe((2 * 60 + 2) / 2);
  pace.add('long', 60);
  pace.add('long', 60);
  expect(pace.secondsLeft).toBe(2 / 2);
});

it('counts the cells, and takes the mean of all for an input of which none is done', () => {
  const pace = new SweepPace(['a', 'a', 'a', 'b'], 1);
  expect([pace.all, pace.done, pace.secondsLeft]).toEqual([4, 0, 0]);
  pace.add('a', 10);
  pace.add('a', 30);
  // One more of a and that of b, 20 s each.
  expect([pace.all, pace.done, pace.secondsLeft]).toEqual([4, 2, 40]);
  pace.workers = 0;
  expect(pace.secondsLeft).toBe(40);
  pace.add('another', 5);
  expect(pace.done).toBe(3);
});
