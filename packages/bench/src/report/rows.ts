/** The comparison as rows of cells: for every kind of table. */
import { changePercent, type Spread } from '../compare/spread.ts';
import { isQuiet, type Metric } from '../metrics/metric.ts';
import { formatChange, formatPoints, formatRange, formatValue } from '../text/units.ts';
import { namedMetrics } from './named-metrics.ts';
import { isWithinNoise } from './noise.ts';
import type { PolicyResults, Results } from './results.ts';
import { shortLabel } from './short-labels.ts';

export interface Cell {
  readonly policy: string;
  readonly spread: Spread;
  /** Median over the seeds. */
  readonly value: string;
  /** Smallest and largest over the seeds, if they differ. */
  readonly range?: string;
  /** Change of the median against the baseline; not in the baseline's own column. */
  readonly change?: string;
  /** Whether the change is for the better; undefined if it is neither. */
  readonly isBetter?: boolean | undefined;
  /** Whether the seeds may explain the change: see isWithinNoise(). */
  readonly isNoise?: boolean | undefined;
}

export interface Row {
  readonly metric: Metric;
  readonly cells: readonly Cell[];
}

/** The rows that were chosen, in their order. */
export const chosenRowsOf = (results: Results): Row[] =>
  namedMetrics(results.metrics, results.rows).map(rowOf(results));

/** A row for each metric that says something: every metric, but those that are 0 in all runs of all policies and usually are. */
export const allRowsOf = (results: Results): Row[] =>
  results.metrics
    .filter(({ id }) => !isQuiet(id) || results.policies.some((policy) => policy.metrics[id]?.max !== 0))
    .map(rowOf(results));

const rowOf =
  ({ policies }: Results) =>
  (metric: Metric): Row => ({
    metric,
    cells: policies.map((policy) => cellOf(metric, policy, policies[0])),
  });

/** The rows in which policies differ, and those in which they do not. */
export const foldedRows = (
  rows: readonly Row[],
): { readonly telling: readonly Row[]; readonly equal: readonly Row[] } => ({
  telling: rows.filter((row) => !isSameForAll(row)),
  equal: rows.filter(isSameForAll),
});

/** Equal rows that are listed; others are counted. */
const EQUAL_LISTED = 6;

/** Rows that are equal for all, each with its value: `failed requests 0, 2M splits 1, and 3 more rows`. */
export function equalText(equal: readonly Row[]): string {
  const more = equal.length - EQUAL_LISTED;
  const list = equal
    .slice(0, EQUAL_LISTED)
    .map(({ metric, cells: [{ value }] }) => `${shortLabel(metric)} ${value}`);
  return `${list.join(', ')}${more > 0 ? `, and ${more} more rows` : ''}`;
}

/** Whether every policy has the same printed value under every seed. */
const isSameForAll = ({ cells: [first, ...others] }: Row): boolean =>
  others.length > 0 &&
  first.range === undefined &&
  others.every(({ value, range }) => value === first.value && range === undefined);

/** A value without ` block.s`: the row's label has it. */
export const valueText = (value: number, { unit }: Metric): string =>
  formatValue(value, unit).replace(/ block\.s$/, '');

/** Of a ratio that would flatter: see compare.ts. */
const NO_SPREAD: Spread = { values: [], median: Number.NaN, min: Number.NaN, max: Number.NaN };
export const NO_VALUE = '-';

function cellOf(metric: Metric, policy: PolicyResults, baseline: PolicyResults): Cell {
  const { policy: name } = policy;
  const spread: Spread | undefined = policy.metrics[metric.id];
  if (spread === undefined) return { policy: name, spread: NO_SPREAD, value: NO_VALUE };
  const cell = { policy: name, spread, value: valueText(spread.median, metric), ...rangeOf(spread, metric) };
  if (policy === baseline || baseline.metrics[metric.id] === undefined) return cell;
  const { isBetter, ...change } = changeOf(metric, spread, baseline.metrics[metric.id]);
  const isJudged = isBetter !== undefined && isOfSameWork(metric, policy, baseline);
  return { ...cell, ...change, ...(isJudged ? { isBetter } : {}) };
}

/** Whether both served as many requests: figures of less work are neither better nor worse. Refusals themselves are judged. */
function isOfSameWork({ id }: Metric, policy: PolicyResults, baseline: PolicyResults): boolean {
  if (id.startsWith('failures')) return true;
  const [now, before] = [policy.metrics['failures'], baseline.metrics['failures']];
  return now?.min === before?.min && now?.max === before?.max;
}

/** Seeds that differ by less than what is printed show no range. */
function rangeOf({ min, max }: Spread, { unit }: Metric): { range?: string } {
  if (formatValue(min, unit) === formatValue(max, unit)) return {};
  return { range: formatRange(min, max, unit).replace(/ block\.s$/, '') };
}

export type Change = Required<Pick<Cell, 'change'>> & Pick<Cell, 'isBetter' | 'isNoise'>;

export function changeOf({ unit, better }: Metric, now: Spread, before: Spread): Change {
  const change =
    unit === 'percent'
      ? formatPoints(now.median - before.median)
      : formatChange(changePercent(now.median, before.median));
  if (now.median === before.median) return { change };
  const noise = isWithinNoise(now, before) ? { isNoise: true } : {};
  if (better === 'neutral') return { change, ...noise };
  return { change, isBetter: now.median < before.median === (better === 'lower'), ...noise };
}

/** The mark of a change, for readers without colours: better, worse, or ranges over the seeds that overlap. */
export function markOf({ isBetter, isNoise }: Pick<Change, 'isBetter' | 'isNoise'>): string {
  if (isNoise === true) return '~';
  if (isBetter === undefined) return '';
  return isBetter ? '✓' : '✗';
}
