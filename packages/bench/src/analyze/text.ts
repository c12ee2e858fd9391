import { PAGE_SIZE } from '@decpool/model';
import { countText, pagesText } from '../text/counts.ts';
import { printable } from '../text/printable.ts';
import { LEAST_COLUMNS } from '../text/screen.ts';
import { fittedTable, numberColumn, type TableColumn, textColumn } from '../text/table.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';
import { wrap } from '../text/wrap.ts';
import { shownPath } from '../traces/lines.ts';
import { sanityLines } from '../traces/sanity.ts';
import type { Analysis, GroupingBounds, OwnerGroup, SizeGroup } from './analyze.ts';
import type { AnalysedRecording } from './analyze-recording.ts';
import type { AnalysedTrace } from './analyze-trace.ts';
import { chartLines } from './chart.ts';

interface TextOptions {
  readonly columns: number;
  /** Characters that every terminal has. */
  readonly isAscii: boolean;
}

const OWNERS_SHOWN = 10;

/** One trace below the other. */
export const tracesText = (traces: readonly AnalysedTrace[], options: TextOptions): string =>
  traces.map((trace) => traceText(trace, options)).join('\n');

/** What a recording has beside its traces. Ends with a line break. */
export function recordingText(
  { name, kernel, platform, seconds, counters, notes }: AnalysedRecording,
  { columns }: TextOptions,
): string {
  const text = [
    `${name}: Linux ${kernel}${platform === undefined ? '' : ` (${platform})`}${seconds === undefined ? '' : `, recorded for ${timeText(seconds * 1e9, 1)}`}.`,
    counters === undefined
      ? 'It has no count of splits.'
      : `Meanwhile the kernel split ${countText(counters.splits2M, '2M mapping')} and ${countText(counters.splits1G, '1G mapping')}; others than conversions split some too.`,
    ...notes,
  ].join(' ');
  return `${wrap(printable(text), Math.max(LEAST_COLUMNS, columns)).join('\n')}\n`;
}

function traceText({ path, format, analysis, sanity, notes }: AnalysedTrace, options: TextOptions): string {
  const columns = Math.max(LEAST_COLUMNS, options.columns);
  const { duration, livePages } = analysis;
  const title = `${printable(shownPath(path))} (${format}): ${demandText(analysis)}`;
  const chart = chartLines(livePages, {
    columns,
    isAscii: options.isAscii,
    ends: ['0', timeText(duration, 1)],
  });
  const lines = (texts: readonly string[]) =>
    texts.flatMap((text) => wrap(printable(text), columns)).join('\n');
  return `${[
    wrap(title, columns).join('\n'),
    ['live pages over time', ...chart].join('\n'),
    sizesTable(analysis.sizes, columns),
    ownersTable(analysis.owners, columns),
    lines([contextText(analysis), groupingText(analysis.bounds)]),
    lines([...sanityLines(sanity), ...notes]),
  ].join('\n\n')}\n`;
}

const bytesText = (pages: number) => formatValue(pages * PAGE_SIZE, 'bytes');

function demandText({ requests, frees, duration, rates, peak, owners, lifetimes }: Analysis): string {
  const apis = [...new Set(owners.flatMap((owner) => owner.apis))];
  return [
    `${countText(requests, 'allocation')} (${apis.join(', ')}) in ${timeText(duration, 1)} by ${countText(owners.length, 'owner')}, ${formatValue(requests - frees, 'count')} never freed.`,
    `Peak: ${pagesText(peak.pages)} (${bytesText(peak.pages)}) in ${countText(peak.allocations, 'allocation')}, at ${timeText(peak.at, 1)}.`,
    `Rate: ${formatValue(rates.meanPerSecond, 'count')} a second, at most ${formatValue(rates.mostInTenth, 'count')} in a tenth of a second.`,
    ...(lifetimes === undefined
      ? []
      : [
          `Half of the lifetimes are below ${timeText(lifetimes.median, 1)}, 9 of 10 below ${timeText(lifetimes.p90, 1)}.`,
        ]),
  ].join(' ');
}

/** A column, and its cell of a row. A column without anything to say is left out. */
type Cells<Row> = readonly (readonly [column: TableColumn, cell: (row: Row) => string, isShown?: boolean])[];

function groupTable<Row>(cells: Cells<Row>, rows: readonly Row[], columns: number): string {
  const shown = cells.filter(([, , isShown = true]) => isShown);
  return fittedTable(
    shown.map(([column]) => column),
    rows.map((row) => shown.map(([, cell]) => cell(row))),
    columns,
  );
}

const groupCells = <Row extends Pick<SizeGroup, 'kept' | 'lifetimes'>>(rows: readonly Row[]): Cells<Row> => [
  [numberColumn('never freed'), ({ kept }) => formatValue(kept, 'count'), rows.some(({ kept }) => kept > 0)],
  [
    numberColumn('lifetime: half'),
    ({ lifetimes }) => (lifetimes === undefined ? '' : timeText(lifetimes.median, 1)),
    rows.some(({ lifetimes }) => lifetimes !== undefined),
  ],
  [
    numberColumn('9 of 10'),
    ({ lifetimes }) => (lifetimes === undefined ? '' : timeText(lifetimes.p90, 1)),
    rows.some(({ lifetimes }) => lifetimes !== undefined),
  ],
];

function sizesTable(sizes: readonly SizeGroup[], columns: number): string {
  const all = sizes.reduce((sum, { requests }) => sum + requests, 0);
  return groupTable(
    [
      [textColumn('size'), sizeText],
      [numberColumn('allocations'), ({ requests }) => formatValue(requests, 'count')],
      [numberColumn('share'), ({ requests }) => formatValue((100 * requests) / all, 'percent')],
      [numberColumn('peak pages'), ({ peakPages }) => formatValue(peakPages, 'pages')],
      ...groupCells(sizes),
    ],
    sizes,
    columns,
  );
}

function sizeText({ fromPages, toPages }: SizeGroup): string {
  if (toPages === 0) return 'below a page';
  return fromPages === toPages ? pagesText(toPages) : `${fromPages}..${toPages} pages`;
}

function ownersTable(owners: readonly OwnerGroup[], columns: number): string {
  const rest = owners.slice(OWNERS_SHOWN);
  const rows = rest.length < 2 ? owners : [...owners.slice(0, OWNERS_SHOWN), othersOf(rest)];
  const apis = new Set(owners.flatMap((owner) => owner.apis));
  return groupTable(
    [
      [textColumn('owner'), ({ owner }) => printable(owner)],
      [textColumn('asks by'), (owner) => owner.apis.join(', '), apis.size > 1],
      [numberColumn('allocations'), ({ requests }) => formatValue(requests, 'count')],
      [numberColumn('at peak'), ({ pagesAtPeak }) => formatValue(pagesAtPeak, 'pages')],
      [
        numberColumn('may not sleep'),
        ({ mayNotSleep }) => formatValue(mayNotSleep, 'count'),
        owners.some(({ mayNotSleep }) => mayNotSleep > 0),
      ],
      ...groupCells(rows),
    ],
    rows,
    columns,
  );
}

function othersOf(owners: readonly OwnerGroup[]): OwnerGroup {
  const sum = (pick: (owner: OwnerGroup) => number) =>
    owners.reduce((total, owner) => total + pick(owner), 0);
  return {
    owner: `${owners.length} others`,
    apis: [...new Set(owners.flatMap(({ apis }) => apis))],
    requests: sum(({ requests }) => requests),
    pagesAtPeak: sum(({ pagesAtPeak }) => pagesAtPeak),
    peakPages: 0,
    kept: sum(({ kept }) => kept),
    mayNotSleep: sum(({ mayNotSleep }) => mayNotSleep),
  };
}

function contextText({ requests, mayNotSleep }: Analysis): string {
  if (mayNotSleep.requests === 0) return 'Every caller may sleep: memory can be converted for each request.';
  const share = formatValue((100 * mayNotSleep.requests) / requests, 'percent');
  const apis = Object.entries(mayNotSleep.byApi).map(
    ([api, count]) => `${formatValue(count, 'count')} ${api}`,
  );
  return `May not sleep: ${countText(mayNotSleep.requests, 'allocation')} (${share}): ${apis.join(', ')}. Nothing can be converted for them, so they need pages that are shared already.`;
}

function groupingText({
  blocksScattered,
  blocksLeast,
  conversionsEach,
  conversionsLeast,
  leastIdle,
}: GroupingBounds): string {
  if (conversionsEach === 0)
    return 'All requests are streaming maps, which live in bounce buffers: grouping gains nothing.';
  return [
    `Grouping gains at most: shared pages in ${countText(blocksLeast, 'block')} of 2 MiB at peak instead of up to ${formatValue(blocksScattered, 'count')}, if each allocation lay alone;`,
    `${countText(conversionsLeast, 'conversion')} instead of ${formatValue(conversionsEach, 'count')}, if each allocation and each free converted its own pages.`,
    ...(leastIdle === 0
      ? []
      : [`With so few, ${formatValue(leastIdle, 'bytes')} or more are shared but idle on average.`]),
    'No policy is better than these bounds.',
  ].join(' ');
}
