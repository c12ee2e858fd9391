/** Values of one metric over the placement seeds. */
export interface Spread {
  readonly values: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Throws TypeError for no values. The median of an even number of values is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new TypeError('a spread needs at least one value');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { values, median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/** Change against a baseline in percent of the baseline; undefined where the baseline is 0 and the value is not. */
export function changePercent(value: number, baseline: number): number | undefined {
  if (value === baseline) return 0;
  return baseline === 0 ? undefined : (100 * (value - baseline)) / baseline;
}
