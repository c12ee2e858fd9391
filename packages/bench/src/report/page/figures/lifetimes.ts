/** Lifetimes of allocations by owner: a property of the trace, not of a policy. */
import type { OwnerLifetimes } from '../../../history/types.ts';
import { formatValue } from '../../../text/units.ts';
import { chartText, shellWord } from '../escape.ts';
import {
  categoryAxis,
  chartBase,
  inkOf,
  nameWidth,
  TEXT_SIZE,
  TITLE_HEIGHT,
  timeText,
  tooltip,
  valueAxis,
} from './axes.ts';
import type { Figure, LoggedInput, View } from './figure.ts';
import { logPath } from './runs.ts';

const ROW = 24;
const QUANTILES = ['shortest', '1st quartile', 'median', '3rd quartile', '9th decile', 'longest'];

export function lifetimeFigure(logged: LoggedInput): Figure | undefined {
  const { lifetimes } = logged.history;
  const owners = lifetimes.filter(({ quantiles }) => quantiles.length > 0);
  if (owners.length === 0) return undefined;
  const never = lifetimes.reduce((sum, { neverFreed }) => sum + neverFreed, 0);
  const count = (number: number) => formatValue(number, 'count');
  const title = 'Lifetimes of allocations by owner';
  const byMedian = owners.toSorted((a, b) => a.quantiles[2] - b.quantiles[2]);
  const medianOf = ({ owner, quantiles }: OwnerLifetimes) => `${timeText(quantiles[2])} (${owner})`;
  return {
    id: 'lifetimes',
    title,
    kind: 'run',
    heightAt: () => owners.length * ROW + 44,
    formula: [
      'Time from an allocation to its free, on a logarithmic axis. Line: shortest to longest. Box: first to third quartile. Stroke: median. Dot: 9th decile.',
      'Quantiles are nearest-rank: each is the lifetime of an allocation.',
      'Quantiles leave out allocations that are never freed. They are the same under every policy.',
    ],
    commands: [
      logged.results.command,
      '# Shortest, quartiles, 9th decile and longest of each owner, in ns, without a group of small owners:',
      `decpool query ${shellWord(logPath(logged))} ${shellWord("SELECT a.owner_name AS owner, count(*) AS freed, quantile_disc(f.time_ns - a.time_ns, [0, 0.25, 0.5, 0.75, 0.9, 1]) AS ns FROM events a JOIN events f USING (allocation) WHERE a.type = 'allocation-requested' AND f.type = 'free-requested' GROUP BY 1")}`,
    ],
    reading: () =>
      `Medians go from ${medianOf(byMedian[0])} to ${medianOf(byMedian[byMedian.length - 1])}. ${never === 0 ? 'All allocations are freed' : `${count(never)} ${never === 1 ? 'allocation is' : 'allocations are'} never freed`}.`,
    table: () => ({
      caption: `${title}, most pages first`,
      head: ['owner', 'allocations', 'never freed', 'pages asked for', ...QUANTILES],
      rows: lifetimes.map(({ owner, allocations, neverFreed, pages, quantiles }) => [
        owner,
        count(allocations),
        count(neverFreed),
        count(pages),
        ...QUANTILES.map((_, index) => (quantiles[index] === undefined ? '' : timeText(quantiles[index]))),
      ]),
    }),
    option: optionOf,
  };

  function optionOf(view: View) {
    const ink = inkOf(view);
    const names = owners.map(({ owner, allocations }) => `${chartText(owner)}  ${count(allocations)}`);
    const labels = Math.min(view.width * 0.4, nameWidth(names));
    const all = owners.flatMap(({ quantiles }) => quantiles);
    return {
      ...chartBase(view, logged.results.input.name, title.toLowerCase()),
      grid: { left: labels, right: 30, top: view.isAlone ? TITLE_HEIGHT : 4, height: owners.length * ROW },
      tooltip: tooltip(view, {
        trigger: 'item',
        formatter: ({ dataIndex }: { dataIndex: number }) =>
          [
            chartText(owners[dataIndex].owner),
            ...QUANTILES.map((name, index) => `${name}: ${timeText(owners[dataIndex].quantiles[index])}`),
          ].join('\n'),
      }),
      xAxis: {
        ...valueAxis(view),
        type: 'log',
        min: 10 ** Math.floor(Math.log10(Math.max(1, Math.min(...all)))),
        max: 10 ** Math.ceil(Math.log10(Math.max(10, ...all))),
        axisLabel: { color: ink.muted, fontSize: TEXT_SIZE, hideOverlap: true, formatter: timeText },
      },
      yAxis: categoryAxis(view, names, labels - 14),
      series: [
        {
          type: 'custom',
          data: owners.map(({ quantiles }, index) => [index, ...quantiles.map((ns) => Math.max(1, ns))]),
          encode: { x: [1, 2, 3, 4, 5, 6], y: 0 },
          renderItem: (_: unknown, api: CustomApi) => rangeShape(api, ink.text, ink.accent),
        },
      ],
    };
  }
}

interface CustomApi {
  value(dimension: number): number;
  coord(point: readonly [number, number]): readonly [number, number];
}

function rangeShape(api: CustomApi, stroke: string, fill: string) {
  const row = api.value(0);
  const [shortest, first, median, third, ninth, longest] = [1, 2, 3, 4, 5, 6].map((index) =>
    api.coord([api.value(index), row]),
  );
  const y = shortest[1];
  const line = (x1: number, y1: number, x2: number, y2: number, lineWidth: number) => ({
    type: 'line',
    shape: { x1, y1, x2, y2 },
    style: { stroke, lineWidth },
  });
  const box = { x: first[0], y: y - 5, width: Math.max(2, third[0] - first[0]), height: 10 };
  return {
    type: 'group',
    children: [
      line(shortest[0], y, Math.max(longest[0], shortest[0] + 1), y, 1),
      { type: 'rect', shape: box, style: { fill, opacity: 0.75 } },
      line(median[0], y - 7, median[0], y + 7, 2),
      { type: 'circle', shape: { cx: ninth[0], cy: y, r: 3 }, style: { fill: stroke } },
    ],
  };
}
