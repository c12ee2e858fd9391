/** Whether a difference says something, or could be the guess at where free chunks lie. */
import type { Spread } from '../compare/spread.ts';

/**
 * Whether two medians differ by no more than the seeds do: by the larger of the two spreads, smallest to largest. Where no seed makes a
 * difference, every change counts; with one seed nothing is known of the spread, and every change counts too.
 */
export const isWithinNoise = (a: Spread, b: Spread): boolean =>
  Math.abs(a.median - b.median) <= Math.max(a.max - a.min, b.max - b.min);
