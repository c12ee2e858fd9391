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
