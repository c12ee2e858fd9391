/** Whether a difference says something, or could be the guess at where free chunks lie. */
import type { Spread } from '../compare/spread.ts';

/**
 * Whether the ranges over the seeds, smallest to largest, overlap: then some guess makes the one no better than the other. Where
 * no seed makes a difference, every change counts; with one seed nothing is known of the range, and every change counts too.
 */
export const isWithinNoise = (a: Spread, b: Spread): boolean => a.min <= b.max && b.min <= a.max;
