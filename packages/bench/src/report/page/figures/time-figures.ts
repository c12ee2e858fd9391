/** The charts over time. */

import { type SeriesName, seriesInfo } from '../../../history/types.ts';
import type { MetricId } from '../../../metrics/metric.ts';
import { formatValue } from '../../../text/units.ts';
import { namedMetrics } from '../../named-metrics.ts';
import { shellWord } from '../escape.ts';
import type { LoggedInput } from './figure.ts';
import { type TimeFigure, timeFigure } from './over-time.ts';
import { logPath, printSeries, seriesCommands } from './runs.ts';

const LOWER_BOUND =
  'grey: the lower bound: ceil(bytes that live allocations asked for / bytes of a block), or the sum of it over the NUMA nodes that they asked for, if that is more. No policy that serves all requests is below it.';
const PEAK_NOTE = 'A point is the largest value since the frame before it.';

export function timeFigures(logged: LoggedInput) {
  const { runs, leastBlocks, askedBytes } = logged.history;
  const { metrics, command } = logged.results;
  const formulaOf = (id: MetricId) =>
    namedMetrics(metrics, [id]).map(({ label, formula }) => `${label}: ${formula}`);
  const query = (name: SeriesName, sql: string) => [
    command,
    printSeries(logged, seriesInfo(name).id),
    '# Each event, under the first policy:',
    `decpool query ${shellWord(logPath(logged))} ${shellWord(sql)}`,
  ];
  const show = (ids: readonly string[], what: string) => seriesCommands(logged, ids, what);
  const splits = (series: SeriesName, size: string, metric: MetricId, level: number): TimeFigure => ({
    series,
    title: `${size} splits since boot`,
    formula: formulaOf(metric),
    commands: query(
      series,
      `SELECT time_ns, count(*) OVER (ORDER BY seq) AS splits, pfn FROM events WHERE type = 'large-page-split' AND level = ${level}`,
    ),
    tells: 'end',
  });
  const directMap = (series: SeriesName, title: string, id: MetricId): TimeFigure => ({
    series,
    title,
    formula: formulaOf(id),
    commands: show([id], `${title} at the peak:`),
    tells: 'end',
    isCropped: true,
  });
  const specs: readonly TimeFigure[] = [
    splits('splits2M', '2M', 'splits-2m', 2),
    splits('splits1G', '1G', 'splits-1g', 3),
    {
      series: 'sharedIdleBytes',
      title: 'Shared-idle memory',
      formula: [...formulaOf('shared-idle-peak'), PEAK_NOTE],
      commands: show(
        ['shared-idle'],
        'Shared pages of each block, and how many of them are allocated, at the peak:',
      ),
      tells: 'most',
    },
    {
      series: 'liveBytes',
      title: 'Live memory',
      formula: [
        'bytes in allocations, slabs and taken bounce slots',
        'grey: bytes that the live allocations asked for',
      ],
      commands: show(
        ['live', 'asked-for'],
        'Live allocations and the bytes that they asked for, at the peak:',
      ),
      tells: 'most',
      reference: { name: 'asked for', values: askedBytes },
    },
    {
      series: 'sharedBlocks',
      title: 'Blocks with a shared page',
      formula: [...formulaOf('blocks-peak'), LOWER_BOUND, PEAK_NOTE],
      commands: show(['shared-blocks', 'lower-bound'], 'The number of shared blocks at the peak:'),
      tells: 'most',
      reference: { name: 'lower bound', values: leastBlocks },
    },
    {
      series: 'mixedBlocks',
      title: 'Mixed 2M ranges',
      formula: [...formulaOf('mixed-peak'), PEAK_NOTE],
      commands: show(['mixed-blocks'], 'The number of mixed blocks at the peak:'),
      tells: 'most',
    },
    directMap('directMap4k', 'DirectMap4k', 'direct-map-4k'),
    directMap('directMap2M', 'DirectMap2M', 'direct-map-2m'),
    directMap('directMap1G', 'DirectMap1G', 'direct-map-1g'),
    {
      series: 'failedRequests',
      title: 'Failed requests since boot',
      formula: formulaOf('failures'),
      commands: query(
        'failedRequests',
        "SELECT time_ns, reason, count(*) OVER (ORDER BY seq) AS failures FROM events WHERE type = 'allocation-failed'",
      ),
      tells: 'end',
    },
  ];
  const there = specs.filter(
    ({ series }) =>
      !LEFT_OUT_AT_0.has(series) || runs.some((run) => run.series[series].some((value) => value > 0)),
  );
  const isStill = ({ series }: TimeFigure) => new Set(runs.flatMap((run) => run.series[series])).size === 1;
  return {
    drawn: there.filter((spec) => !isStill(spec)).map((spec) => timeFigure(logged, spec)),
    /** Figures that never change and are the same under every policy: title and value. */
    still: there.filter(isStill).map(({ series, title }) => {
      const unit = seriesInfo(series).unit === 'bytes' ? 'bytes' : 'count';
      return `${title} (${formatValue(runs[0].series[series][0], unit)})`;
    }),
  };
}

/** Series without a figure if they are always 0. */
const LEFT_OUT_AT_0: ReadonlySet<SeriesName> = new Set([
  'splits1G',
  'mixedBlocks',
  'directMap2M',
  'directMap1G',
  'failedRequests',
]);
