/**
 * The comparison table as rows of text, whatever it is printed on: a terminal, a Markdown page or an HTML one.
 */
import { changePercent, type Spread } from '../compare/spread.ts';
import type { Metric } from '../metrics/metric.ts';
import { isWithinNoise } from './noise.ts';
import type { PolicyResults, Results } from './results.ts';
import { formatChange, formatPoints, formatRange, formatValue } from './units.ts';

export interface Cell {
  readonly policy: string;
  readonly spread: Spread;
  /** Median over the seeds. */
  readonly value: string;
  /** Smallest and largest over the seeds, when they differ. */
  readonly range?: string;
  /** Change of the median against the baseline; not in the baseline's own column. */
  readonly change?: string;
  /** Whether the change is for the better; undefined when it is neither. */
  readonly isBetter?: boolean | undefined;
  /** Whether the change could be the seeds': see isWithinNoise(). */
  readonly isNoise?: boolean | undefined;
}

export interface Row {
  readonly metric: Metric;
  readonly cells: readonly Cell[];
}

/** Metrics that only say something when they are not zero. */
const QUIET: ReadonlySet<string> = new Set([
  'splits-32m',
  'splits-64k',
  'slabs-created',
  'slab-bytes-peak',
  'bounce-bytes',
  'bounce-used-peak',
  'atomic-requests',
  'refills',
  'refilled-pages',
  'compactions',
  'pages-moved',
  'failed-conversions',
  'leaked',
  'leaked-visible',
]);
const isQuiet = (id: string) => id.startsWith('failures-') || QUIET.has(id);

/** A row for each metric that has something to say, a cell for each policy. */
export function comparisonRows({ metrics, policies, requestedMetrics }: Results): Row[] {
  return metrics
    .filter((metric) => isShown(metric, requestedMetrics))
    .filter(({ id }) => !isQuiet(id) || policies.some((policy) => policy.metrics[id].max !== 0))
    .map((metric) => ({
      metric,
      cells: policies.map((policy) => cellOf(metric, policy, policies[0])),
    }));
}

/** The rows that tell policies apart, and in words those that do not: `host calls 0; conversions 2`. */
export function tellingRows(rows: readonly Row[]): {
  readonly telling: readonly Row[];
  readonly same: string;
} {
  const same = rows.filter(isSameForAll);
  return {
    telling: rows.filter((row) => !isSameForAll(row)),
    same: same.map(({ metric, cells: [{ value }] }) => `${metric.label} ${value}`).join('; '),
  };
}

/** Whether every policy has the same value under every seed, as far as a table shows. */
const isSameForAll = ({ cells: [first, ...others] }: Row): boolean =>
  others.length > 0 &&
  first.range === undefined &&
  others.every(({ value, range }) => value === first.value && range === undefined);

/** Whether a table has the metric, unless it has nothing to say. */
export const isShown = ({ id, shown }: Metric, requested: readonly string[]): boolean =>
  shown === undefined || requested.includes(id);

/** A value as a table has it: the row's label already says that block-seconds are block-seconds. */
export const valueText = (value: number, { unit }: Metric): string =>
  formatValue(value, unit).replace(/ block\.s$/, '');

function cellOf(metric: Metric, policy: PolicyResults, baseline: PolicyResults): Cell {
  const spread = policy.metrics[metric.id];
  const { policy: name } = policy;
  const cell = { policy: name, spread, value: valueText(spread.median, metric), ...rangeOf(spread, metric) };
  if (policy === baseline) return cell;
  return { ...cell, ...changeOf(metric, spread, baseline.metrics[metric.id]) };
}

/** Seeds that differ by less than what is printed show no range. */
function rangeOf({ min, max }: Spread, { unit }: Metric): { range?: string } {
  if (formatValue(min, unit) === formatValue(max, unit)) return {};
  return { range: formatRange(min, max, unit).replace(/ block\.s$/, '') };
}

export type Change = Required<Pick<Cell, 'change'>> & Pick<Cell, 'isBetter' | 'isNoise'>;

/** What became of a metric, against what it was. */
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

/** What a change is worth where there is no colour: neither better nor worse where the seeds' ranges overlap. */
export function markOf({ isBetter, isNoise }: Pick<Change, 'isBetter' | 'isNoise'>): string {
  if (isNoise === true) return '~';
  if (isBetter === undefined) return ' ';
  return isBetter ? '✓' : '✗';
}
