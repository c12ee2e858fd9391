/**
 * The comparison table as rows of text, whatever it is printed on: a terminal or a Markdown page.
 */

import type { ComparedMetric, ComparedPolicy, Comparison } from '../compare/compare.ts';
import { changePercent, type Spread } from '../compare/spread.ts';
import type { Unit } from '../metrics/metric.ts';
import { formatChange, formatValue } from './units.ts';

export interface Cell {
  /** Median over the seeds. */
  readonly value: string;
  /** Smallest and largest over the seeds, when they differ. */
  readonly range?: string;
  /** Change of the median against the baseline; not in the baseline's own column. */
  readonly change?: string;
  /** Whether the change is for the better; undefined when it is neither. */
  readonly isBetter?: boolean;
}

export interface Row {
  readonly label: string;
  readonly cells: readonly Cell[];
}

/** Metrics that only say something when they are not zero. */
const isNoise = (id: string) => id.startsWith('failures-');

export function comparisonRows(comparison: Comparison): Row[] {
  const [baseline] = comparison.policies;
  const rows: Row[] = [];
  for (const [index, { metric }] of baseline.metrics.entries()) {
    const compared = comparison.policies.map((policy) => policy.metrics[index]);
    if (isNoise(metric.id) && compared.every(({ spread }) => spread.max === 0)) continue;
    rows.push({
      label: metric.label,
      cells: comparison.policies.map((policy) => cellOf(policy, policy.metrics[index], baseline, index)),
    });
  }
  return rows;
}

function cellOf(
  policy: ComparedPolicy,
  { metric, spread }: ComparedMetric,
  baseline: ComparedPolicy,
  index: number,
): Cell {
  const cell = { value: formatValue(spread.median, metric.unit), ...rangeOf(spread, metric.unit) };
  if (policy === baseline) return cell;
  const change = changePercent(spread.median, baseline.metrics[index].spread.median);
  const isLower = spread.median < baseline.metrics[index].spread.median;
  const verdict =
    metric.better === 'neutral' || change === 0 ? {} : { isBetter: isLower === (metric.better === 'lower') };
  return { ...cell, change: formatChange(change), ...verdict };
}

function rangeOf(spread: Spread, unit: Unit): { range: string } | Record<never, never> {
  if (spread.min === spread.max) return {};
  return { range: `${formatValue(spread.min, unit)}..${formatValue(spread.max, unit)}` };
}

/** What was run, as label and value. */
export function describe(comparison: Comparison): [string, string][] {
  const { input } = comparison;
  const pages = input.workload.peakLivePages;
  const allocations = input.workload.requests.filter((request) => request.kind === 'allocate').length;
  return [
    ['input', `${input.name}: ${input.workload.description}`],
    [
      'requests',
      `${allocations} allocations, ${input.workload.requests.length - allocations} frees, peak live ${formatValue(pages, 'pages')} pages (${formatValue(pages * 4096, 'bytes')})`,
    ],
    ['memory', input.memory.name],
    ['platform', input.platform.name],
    [
      'seeds',
      `${input.seeds.join(', ')} (each a guess at where the recorded free chunks lie; cells show the median and, where they differ, smallest..largest)`,
    ],
    ['baseline', comparison.policies[0].policy],
    [
      'lower bound',
      `${comparison.lowerBoundBlocks} blocks shared at peak: max over time of ceil(live / 512), any policy`,
    ],
  ];
}
