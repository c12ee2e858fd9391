import { type Spread, spreadOf } from '../compare/spread.ts';

interface FiveNumbers extends Spread {
  readonly q1: number;
  readonly q3: number;
}

/**
 * A quartile lies at (n - 1) * p among the sorted values: method 7 of Hyndman and Fan 1996, as in R and NumPy. Throws
 * TypeError for no values.
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
