/**
 * The comparison table as rows of text, whatever it is printed on: a terminal or a Markdown page.
 */
import type { ComparedMetric, ComparedPolicy, Comparison } from '../compare/compare.ts';
import { changePercent } from '../compare/spread.ts';
import { sanityLines } from '../traces/sanity.ts';
import { formatChange, formatPoints, formatRange, formatValue } from './units.ts';

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
  const value = formatValue(spread.median, metric.unit);
  const range = formatRange(spread.min, spread.max, metric.unit);
  // Seeds that differ by less than what is printed show no range.
  const varies = formatValue(spread.min, metric.unit) !== formatValue(spread.max, metric.unit);
  const cell = varies ? { value, range } : { value };
  if (policy === baseline) return cell;
  const reference = baseline.metrics[index].spread.median;
  const change =
    metric.unit === 'percent'
      ? formatPoints(spread.median - reference)
      : formatChange(changePercent(spread.median, reference));
  if (metric.better === 'neutral' || spread.median === reference) return { ...cell, change };
  return { ...cell, change, isBetter: spread.median < reference === (metric.better === 'lower') };
}

/** What was run, as label and value. */
export function describe({ input, geometry, lowerBoundBlocks, policies }: Comparison): [string, string][] {
  const { description, requests, peakLivePages: pages } = input.workload;
  const allocations = requests.filter((request) => request.kind === 'allocate').length;
  return [
    ['input', `${input.name}: ${description}`],
    [
      'requests',
      `${formatValue(allocations, 'count')} allocations, ${formatValue(requests.length - allocations, 'count')} frees, peak live ${formatValue(pages, 'pages')} pages (${formatValue(pages * 2 ** geometry.pageShift, 'bytes')})`,
    ],
    ...(input.sanity === undefined ? [] : sanityLines(input.sanity)).map((line): [string, string] => [
      'trace',
      line,
    ]),
    ['memory', input.memory.name],
    ['platform', `${input.platform.name}${input.platform.restore ? ', with 2M mappings restored' : ''}`],
    ['seeds', `${input.seeds.join(', ')}: ${seedsText(input.seeds.length)}`],
    ['baseline', policies[0].policy],
    [
      'lower bound',
      input.platform.confidential
        ? `${lowerBoundBlocks} shared ${lowerBoundBlocks === 1 ? 'block' : 'blocks'} at peak for any policy that serves all requests: max over time of ceil(live pages / ${geometry.pagesPerBlock})`
        : 'none: outside a confidential VM nothing is shared',
    ],
  ];
}

const seedsText = (seeds: number): string =>
  seeds === 1
    ? 'a guess at where the free chunks lie'
    : 'each a guess at where the free chunks lie; cells: median, and smallest..largest where they differ';

/** What a reader must know; first of all, which policies had less to do because they refused requests. */
export function notesOf({ input, policies }: Comparison): string[] {
  const refusals = policies.flatMap(({ policy, metrics }) => {
    const most = metrics.find(({ metric }) => metric.id === 'failures')?.spread.max ?? 0;
    if (most === 0) return [];
    return [
      `${policy} refused ${formatValue(most, 'count')} ${most === 1 ? 'request' : 'requests'}: its other figures are of less work`,
    ];
  });
  return [...refusals, ...twinsOf(policies), ...input.notes, ...input.workload.notes];
}

/** Policies that did the same throughout: the input cannot tell them apart, and two columns must not look like two findings. */
function twinsOf(policies: readonly ComparedPolicy[]): string[] {
  const byFigures = new Map<string, string[]>();
  for (const { policy, metrics } of policies) {
    const figures = JSON.stringify(
      metrics.map(({ metric, spread }) =>
        [spread.median, spread.min, spread.max].map((value) => formatValue(value, metric.unit)),
      ),
    );
    byFigures.set(figures, [...(byFigures.get(figures) ?? []), policy]);
  }
  return [...byFigures.values()]
    .filter((twins) => twins.length > 1)
    .map(
      (twins) => `${twins.join(' and ')} come out the same in every row: this input does not tell them apart`,
    );
}
