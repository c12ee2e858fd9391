import { expect, it } from 'vitest';
import { SweepPace } from './pace.ts';

it('tells the rate, and what is left by what the cells of each input took', () => {
  const pace = new SweepPace(['long', 'long', 'long', 'short', 'short'], 2);
  expect(pace.text(0)).toBe('0 of 5 cells');
  pace.add('long', 60);
  // Two more of 60 s; of the other input nothing is known yet.
  expect(pace.secondsLeft).toBe((2 * 60 + 2 * 60) / 2);
  pace.add('short', 2);
  expect(pace.secondsLeft).toBe((2 * 60 + 2) / 2);
  expect(pace.text(4)).toBe('2 of 5 cells | 0.5 cells/s | 1 min left');
  pace.add('long', 60);
  pace.add('long', 60);
  expect(pace.text(100)).toBe('4 of 5 cells | 0.04 cells/s | 1 s left');
});
