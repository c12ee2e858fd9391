/** The charts over time. */

import type { Series } from '../../../history/types.ts';
import type { MetricId } from '../../../metrics/metric.ts';
import { formatValue } from '../../../text/units.ts';
import { shellWord } from '../escape.ts';
import type { Figure, LoggedInput } from './figure.ts';
import { type TimeFigure, timeFigure } from './over-time.ts';
import { logPath, printSeries, showPeak } from './runs.ts';

interface TimeFigures {
  readonly drawn: readonly Figure[];
  /** Figures that never change and are the same under every policy: title and value. */
  readonly still: readonly string[];
}

const LOWER_BOUND =
  'grey: the lower bound: ceil(bytes that live allocations asked for / bytes of a block), or the sum of it over the NUMA nodes that they asked for, if that is more. No policy that serves all requests is below it.';
const MOST_SINCE = 'A point is the largest value since the frame before it.';

/** A count that only grows: the sentence has its last value. */
const ENDS = { unit: 'count', tells: 'end' } as const;

export function timeFigures(logged: LoggedInput): TimeFigures {
  const { runs, leastBlocks, askedBytes } = logged.history;
  const { metrics, command } = logged.results;
  const formulaOf = (id: MetricId) =>
    metrics.filter((metric) => metric.id === id).map(({ label, formula }) => `${label}: ${formula}`);
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

  /** A figure of the series; the metrics say how it is computed. */
  const figure = (
    [id, title]: readonly [id: string, title: string],
    name: keyof Series,
    formula: readonly string[],
    commands: readonly string[],
    rest: Pick<TimeFigure, 'unit' | 'tells' | 'isCropped' | 'reference'>,
  ): TimeFigure => ({ id, title, formula, commands, pick: (run) => run.series[name], ...rest });
  const directMap = (title: string, name: keyof Series, id: MetricId) =>
    figure([id, title], name, formulaOf(id), show([id], `${title} at the peak:`), {
      unit: 'bytes',
      tells: 'end',
      isCropped: true,
    });
  const specs: readonly (TimeFigure | false)[] = [
    figure(
      ['splits-2m', '2M splits since boot'],
      'splits2M',
      formulaOf('splits-2m'),
      splits('splits-2m', 2),
      ENDS,
    ),
    isAny('splits1G') &&
      figure(
        ['splits-1g', '1G splits since boot'],
        'splits1G',
        formulaOf('splits-1g'),
        splits('splits-1g', 3),
        ENDS,
      ),
    figure(
      ['shared-idle', 'Shared-idle memory'],
      'sharedIdleBytes',
      [...formulaOf('shared-idle-peak'), MOST_SINCE],
      show(['shared-idle'], 'Shared pages of each block, and how many of them are allocated, at the peak:'),
      { unit: 'bytes', tells: 'most' },
    ),
    figure(
      ['live', 'Live memory'],
      'liveBytes',
      [
        'bytes in allocations, slabs and taken bounce slots',
        'grey: bytes that the live allocations asked for',
      ],
      show(['live', 'asked-for'], 'Live allocations and the bytes that they asked for, at the peak:'),
      { unit: 'bytes', tells: 'most', reference: { name: 'asked for', values: askedBytes } },
    ),
    figure(
      ['shared-blocks', 'Blocks with a shared page'],
      'sharedBlocks',
      [...formulaOf('blocks-peak'), LOWER_BOUND, MOST_SINCE],
      show(['shared-blocks', 'lower-bound'], 'The number of shared blocks at the peak:'),
      { unit: 'count', tells: 'most', reference: { name: 'lower bound', values: leastBlocks } },
    ),
    isAny('mixedBlocks') &&
      figure(
        ['mixed-blocks', 'Mixed 2M ranges'],
        'mixedBlocks',
        [...formulaOf('mixed-peak'), MOST_SINCE],
        show(['mixed-blocks'], 'The number of mixed blocks at the peak:'),
        { unit: 'count', tells: 'most' },
      ),
    directMap('DirectMap4k', 'directMap4k', 'direct-map-4k'),
    isAny('directMap2M') && directMap('DirectMap2M', 'directMap2M', 'direct-map-2m'),
    isAny('directMap1G') && directMap('DirectMap1G', 'directMap1G', 'direct-map-1g'),
    isAny('failedRequests') &&
      figure(
        ['failures', 'Failed requests since boot'],
        'failedRequests',
        formulaOf('failures'),
        query(
          'failures',
          "SELECT time_ns, reason, count(*) OVER (ORDER BY seq) AS failures FROM events WHERE type = 'allocation-failed'",
        ),
        ENDS,
      ),
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
