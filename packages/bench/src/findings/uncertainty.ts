/**
 * How sure a figure is that was taken over memory states and workload seeds.
 *
 * **Interval.** The requests of a seed are the same in each memory state, so the runs of a machine are a table of states by seeds and
 * not independent draws. The pigeonhole bootstrap resamples its rows and its columns (A. B. Owen, The pigeonhole bootstrap,
 * Annals of Applied Statistics 1(2), 2007). Machines are chosen and not drawn: they are not resampled.
 *
 * **Test.** The paired sign test, exact and two-sided: under the null hypothesis one policy is below the other in half of the
 * seeds. Ties are left out (Dixon and Mood, JASA 41, 1946).
 */
import { randomFrom } from '@decpool/pool';
import { median, quantile, sampleWithReplacement } from 'simple-statistics';

/** Values of one machine: by memory state, then by seed; NaN where there is none. */
export type ValueTable = readonly (readonly number[])[];

export interface Interval {
  readonly low: number;
  readonly high: number;
}

const REPLICATES = 1000;
const SEED = 1;
/** Of an interval. */
export const CONFIDENCE = 0.95;
/** Below it a test rejects chance. */
export const SIGNIFICANCE = 0.05;

/** The percentile interval of the median over the values of all machines. NaN if there are none. */
export function medianInterval(machines: readonly ValueTable[]): Interval {
  const random = randomFrom(SEED);
  const below = 2 ** 31;
  const draw = (length: number): number[] =>
    sampleWithReplacement([...Array(length).keys()], length, () => random.below(below) / below);
  const medians = Array.from({ length: REPLICATES }, () =>
    medianOf(
      machines.flatMap((states) => {
        const seeds = draw(states[0].length);
        return draw(states.length).flatMap((state) => seeds.map((seed) => states[state][seed]));
      }),
    ),
  ).filter((value) => !Number.isNaN(value));
  if (medians.length === 0) return { low: Number.NaN, high: Number.NaN };
  const [low, high] = quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]);
  return { low, high };
}

/** Of the values that there are; NaN if there are none. */
export function medianOf(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : median(known);
}

/** A value that is smaller, by chance, in so many of the pairs or in so few: its probability. 1 if there is no pair without a tie. */
export function signTest(below: number, above: number): number {
  const pairs = below + above;
  let tail = 0n;
  let ways = 1n;
  for (let fewer = 0; fewer <= Math.min(below, above); fewer++) {
    tail += ways;
    ways = (ways * BigInt(pairs - fewer)) / BigInt(fewer + 1);
  }
  return Math.min(1, (2 * Number(tail)) / 2 ** pairs);
}

/** How two policies differ over the same seeds: clearly if the sign test rejects chance. */
export type Verdict = 'clearly less' | 'less' | 'equal' | 'more' | 'clearly more';

/** `values` against `others`, seed by seed. A seed without one of them is left out. */
export function verdictOf(values: readonly number[], others: readonly number[]): Verdict {
  const differences = values.map((value, seed) => value - others[seed]);
  const below = differences.filter((difference) => difference < 0).length;
  const above = differences.filter((difference) => difference > 0).length;
  if (below === above) return 'equal';
  const word = below > above ? 'less' : 'more';
  return signTest(below, above) < SIGNIFICANCE ? `clearly ${word}` : word;
}
