/** The charts over time. */

import type { RunHistory, Series } from '../../../history/types.ts';
import type { MetricId } from '../../../metrics/metric.ts';
import { formatValue } from '../../../text/units.ts';
import { shellWord } from '../escape.ts';
import type { Figure, LoggedInput } from './figure.ts';
import { type TimeFigure, timeFigure } from './over-time.ts';
import { logPath, printSeries, showPeak } from './runs.ts';

export interface TimeFigures {
  readonly drawn: readonly Figure[];
  /** Figures that never change and are the same under every policy: title and value. */
  readonly still: readonly string[];
}

const LOWER_BOUND =
  'grey: the lower bound: ceil(bytes that live allocations asked for / bytes of a block), or the sum of it over the NUMA nodes that they asked for, if that is more. No policy that serves all requests is below it.';
const MOST_SINCE = 'A point is the largest value since the frame before it.';

export function timeFigures(logged: LoggedInput): TimeFigures {
  const { runs, leastBlocks, askedBytes } = logged.history;
  const { metrics, command } = logged.results;
  const formulaOf = (id: MetricId) =>
    metrics.filter((metric) => metric.id === id).map(({ label, formula }) => `${label}: ${formula}`);
  const series = (name: keyof Series) => (run: RunHistory) => run.series[name];
  const isAny = (name: keyof Series) => runs.some((run) => run.series[name].some((value) => value > 0));
  const query = (id: string, sql: string) => [
    command,
    printSeries(logged, id),
    '# Each event, under the first policy:',
    `decpool query ${shellWord(logPath(logged))} ${shellWord(sql)}`,
  ];
  const show = (ids: readonly string[], what: string) => [
    command,
    printSeries(logged, ...ids),
    ...showPeak(logged, what),
  ];
  const splits = (id: string, level: number) =>
    query(
      id,
      `SELECT time_ns, count(*) OVER (ORDER BY seq) AS splits, pfn FROM events WHERE type = 'large-page-split' AND level = ${level}`,
    );

  const specs: readonly (TimeFigure | false)[] = [
    {
      id: 'splits-2m',
      title: '2M splits since boot',
      unit: 'count',
      tells: 'end',
      formula: formulaOf('splits-2m'),
      commands: splits('splits-2m', 2),
      pick: series('splits2M'),
    },
    isAny('splits1G') && {
      id: 'splits-1g',
      title: '1G splits since boot',
      unit: 'count',
      tells: 'end',
      formula: formulaOf('splits-1g'),
      commands: splits('splits-1g', 3),
      pick: series('splits1G'),
    },
    {
      id: 'shared-idle',
      title: 'Shared-idle memory',
      unit: 'bytes',
      tells: 'most',
      formula: [...formulaOf('shared-idle-peak'), MOST_SINCE],
      commands: show(
        ['shared-idle'],
        'Shared pages of each block, and how many of them are allocated, at the peak:',
      ),
      pick: series('sharedIdleBytes'),
    },
    {
      id: 'live',
      title: 'Live memory',
      unit: 'bytes',
      tells: 'most',
      formula: [
        'bytes in allocations, slabs and taken bounce slots',
        'grey: bytes that the live allocations asked for',
      ],
      commands: show(
        ['live', 'asked-for'],
        'Live allocations and the bytes that they asked for, at the peak:',
      ),
      pick: series('liveBytes'),
      reference: { name: 'asked for', values: askedBytes },
    },
    {
      id: 'shared-blocks',
      title: 'Blocks with a shared page',
      unit: 'count',
      tells: 'most',
      formula: [...formulaOf('blocks-peak'), LOWER_BOUND, MOST_SINCE],
      commands: show(['shared-blocks', 'lower-bound'], 'The number of shared blocks at the peak:'),
      pick: series('sharedBlocks'),
      reference: { name: 'lower bound', values: leastBlocks },
    },
    isAny('mixedBlocks') && {
      id: 'mixed-blocks',
      title: 'Mixed 2M ranges',
      unit: 'count',
      tells: 'most',
      formula: [...formulaOf('mixed-peak'), MOST_SINCE],
      commands: show(['mixed-blocks'], 'The number of mixed blocks at the peak:'),
      pick: series('mixedBlocks'),
    },
    {
      id: 'direct-map-4k',
      title: 'DirectMap4k',
      unit: 'bytes',
      tells: 'end',
      isCropped: true,
      formula: formulaOf('direct-map-4k'),
      commands: show(['direct-map-4k'], 'DirectMap4k at the peak:'),
      pick: series('directMap4k'),
    },
    isAny('directMap2M') && {
      id: 'direct-map-2m',
      title: 'DirectMap2M',
      unit: 'bytes',
      tells: 'end',
      isCropped: true,
      formula: formulaOf('direct-map-2m'),
      commands: show(['direct-map-2m'], 'DirectMap2M at the peak:'),
      pick: series('directMap2M'),
    },
    isAny('directMap1G') && {
      id: 'direct-map-1g',
      title: 'DirectMap1G',
      unit: 'bytes',
      tells: 'end',
      isCropped: true,
      formula: formulaOf('direct-map-1g'),
      commands: show(['direct-map-1g'], 'DirectMap1G at the peak:'),
      pick: series('directMap1G'),
    },
    isAny('failedRequests') && {
      id: 'failures',
      title: 'Failed requests since boot',
      unit: 'count',
      tells: 'end',
      formula: formulaOf('failures'),
      commands: query(
        'failures',
        "SELECT time_ns, reason, count(*) OVER (ORDER BY seq) AS failures FROM events WHERE type = 'allocation-failed'",
      ),
      pick: series('failedRequests'),
    },
  ];
  const there = specs.filter((spec) => spec !== false);
  const isStill = ({ pick }: TimeFigure) => new Set(runs.flatMap(pick)).size === 1;
  return {
    drawn: there.filter((spec) => !isStill(spec)).map((spec) => timeFigure(logged, spec)),
    still: there
      .filter(isStill)
      .map(({ title, unit, pick }) => `${title} (${formatValue(pick(runs[0])[0], unit)})`),
  };
}
