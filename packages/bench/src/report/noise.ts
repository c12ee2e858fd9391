import type { Spread } from '../compare/spread.ts';

/**
 * Whether the ranges over the seeds, smallest to largest, overlap. Then the difference may come from where the free chunks lie.
 * A range of one value overlaps only with a range that holds it. So every change counts if all seeds give the same value, and
 * with one seed, where the range is unknown.
 */
export const isWithinNoise = (a: Spread, b: Spread): boolean => a.min <= b.max && b.min <= a.max;
