import { type Spread, spreadOf } from '../compare/spread.ts';

interface FiveNumbers extends Spread {
  readonly q1: number;
  readonly q3: number;
}

/**
 * Median, extremes and quartiles. A quartile lies at (n - 1) * p among the sorted values, between two of them in
 * proportion: method 7 of Hyndman and Fan 1996, as R and NumPy have it. Throws TypeError for no values.
 */
export function fiveNumbersOf(values: readonly number[]): FiveNumbers {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (fraction: number): number => {
    const position = (sorted.length - 1) * fraction;
    const below = Math.floor(position);
    const above = Math.ceil(position);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  };
  return { ...spreadOf(values), q1: at(0.25), q3: at(0.75) };
}
