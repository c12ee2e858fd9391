/** What policies save against what they leave exposed: nothing is best at all, so those are marked that nothing beats at all. */
import type { Metric } from '../../../metrics/metric.ts';
import type { PolicyResults, Results } from '../../results.ts';
import { formatValue } from '../../units.ts';
import { chartText } from '../escape.ts';
import { listed } from '../finding.ts';
import { POLICY_STYLES, policyStyle } from '../palette.ts';
import { chartBase, inkOf, tooltip, valueAxis } from './axes.ts';
import type { Figure, View } from './figure.ts';

const TITLE = 30;
const HEIGHT = 340;
const MOST_ROWS = 400;

interface Point {
  readonly policy: PolicyResults;
  readonly place: number;
  /** Policies that come to the same. */
  readonly names: readonly string[];
  /** 0 for one that refused requests. */
  readonly front: number;
  readonly split: number;
  readonly idle: number;
  readonly calls: number;
}

export function paretoFigure(results: Results): Figure | undefined {
  const [splits, idle, calls] = results.ranking.objectives.flatMap((id) =>
    results.metrics.filter((metric) => metric.id === id),
  );
  if (calls === undefined || !results.platform.confidential) return undefined;
  const points = pointsOf(results, [splits, idle, calls]);
  const front = points.filter((point) => point.front === 1);
  const title = `${splits.label} against ${idle.label}`;
  const y = softLog(
    points.map((point) => point.split),
    1,
  );
  const x = softLog(
    points.map((point) => point.idle),
    2 ** 20,
  );
  const sizeOf = (point: Point) => 9 + 4 * Math.log10(1 + point.calls);
  return {
    id: 'pareto',
    title: 'What is saved, and what it costs',
    kind: 'run',
    heightAt: () => HEIGHT,
    formula: [
      `front: ranked policies of which no other is at least as good in ${listed(results.ranking.objectives)} and better in one`,
      'Both axes are logarithmic in 1 + value / unit, so that they begin at 0; a mark is the larger, the more host calls there are, in steps of tens.',
    ],
    commands: [results.command],
    reading: () =>
      `Left and down is better. Filled: the ${front.length === 1 ? 'one' : front.length} of ${points.length} that no other beats at ${splits.label}, ${idle.label} and host calls at once; hollow: beaten${results.ranking.refused.length > 0 ? ', or refused requests (dotted)' : ''}. A mark's size and its label tell host calls.`,
    table: () => ({
      caption: `${title}, best ranked first${points.length > MOST_ROWS ? `; the first ${MOST_ROWS}` : ''}`,
      head: ['policies', 'front', splits.label, idle.label, calls.label],
      rows: points
        .slice(0, MOST_ROWS)
        .map((point) => [
          listed(point.names),
          point.front === 0 ? 'refused requests' : String(point.front),
          formatValue(point.split, splits.unit),
          formatValue(point.idle, idle.unit),
          formatValue(point.calls, calls.unit),
        ]),
    }),
    option: (view) => optionOf(view),
  };

  function optionOf(view: View) {
    const ink = inkOf(view);
    const isFew = points.length <= POLICY_STYLES;
    const isLabelled = (point: Point) => point.front === 1 || point.place === 0 || isFew;
    return {
      ...chartBase(view, `${chartText(results.input.name)}: ${title}`),
      grid: {
        left: 12,
        right: Math.min(270, view.width * 0.3),
        top: view.isAlone ? TITLE + 24 : 30,
        bottom: 34,
        outerBoundsMode: 'same',
        outerBoundsContain: 'axisLabel',
      },
      tooltip: {
        ...tooltip(view),
        trigger: 'item',
        formatter: ({ dataIndex }: { dataIndex: number }) => pointText(points[dataIndex]),
      },
      xAxis: {
        ...valueAxis(view, idle.label),
        ...x.axis,
        nameLocation: 'middle',
        nameGap: 24,
        nameTextStyle: { color: ink.muted, fontSize: 11.5, align: 'center' },
        axisLine: { show: true, onZero: false, lineStyle: { color: ink.line } },
        axisLabel: {
          color: ink.muted,
          fontSize: 11.5,
          hideOverlap: true,
          customValues: x.ticks,
          formatter: (at: number) => formatValue(x.back(at), idle.unit),
        },
        axisTick: { show: true, customValues: x.ticks, lineStyle: { color: ink.line } },
        splitLine: { show: false },
      },
      yAxis: {
        ...valueAxis(view, splits.label),
        ...y.axis,
        nameTextStyle: { color: ink.muted, fontSize: 11.5, align: 'left' },
        axisLine: { show: true, onZero: false, lineStyle: { color: ink.line } },
        axisLabel: {
          color: ink.muted,
          fontSize: 11.5,
          customValues: y.ticks,
          formatter: (at: number) => formatValue(y.back(at), splits.unit),
        },
        axisTick: { show: true, customValues: y.ticks, lineStyle: { color: ink.line } },
        splitLine: { show: false },
      },
      series: [
        {
          type: 'scatter',
          // Of many, what has no room has no label: the table has all.
          labelLayout: isFew ? { moveOverlap: 'shiftY' } : { hideOverlap: true },
          data: points.map((point) => {
            const isFront = point.front === 1;
            const plain = isFront ? ink.accent : ink.muted;
            const colour = isFew || point.place === 0 ? policyStyle(point.place).colour[view.scheme] : plain;
            return {
              value: [x.at(point.idle), y.at(point.split)],
              symbol: points.length <= POLICY_STYLES ? policyStyle(point.place).symbol : 'circle',
              symbolSize: sizeOf(point),
              z2: isFront ? 2 : 1,
              itemStyle: isFront
                ? { color: colour, opacity: 0.9 }
                : {
                    color: 'transparent',
                    borderColor: colour,
                    borderWidth: isFew ? 1.5 : 1,
                    opacity: isFew || point.place === 0 ? 1 : 0.55,
                    borderType: point.front === 0 ? 'dotted' : 'solid',
                  },
              label: {
                show: isLabelled(point),
                position: 'right',
                distance: 6,
                color: ink.text,
                fontSize: 11.5,

                formatter: `${chartText(shortNames(point.names))}  ${formatValue(point.calls, 'count')} calls`,
              },
            };
          }),
        },
      ],
    };
  }

  function pointText(point: Point): string {
    return [
      chartText(shortNames(point.names)),
      point.front === 0 ? 'refused requests' : `front ${point.front}`,
      ...[splits, idle, calls].map(
        (metric, index) =>
          `${metric.label}: ${formatValue([point.split, point.idle, point.calls][index], metric.unit)}`,
      ),
    ].join('\n');
  }
}

const shortNames = (names: readonly string[]): string =>
  names.length <= 2 ? names.join(', ') : `${names[0]} and ${names.length - 1} more`;

function pointsOf({ policies, ranking }: Results, [splits, idle, calls]: readonly Metric[]): Point[] {
  const byName = new Map(policies.map((policy, place) => [policy.policy, { policy, place }]));
  const groups = [
    ...ranking.ranked.map((group) => ({ names: group.policies, front: group.front })),
    ...ranking.refused.map((policy) => ({ names: [policy], front: 0 })),
  ];
  return groups.flatMap(({ names, front }) => {
    // The baseline keeps its colour where it comes to the same as others.
    const found = byName.get(names[0]);
    if (found === undefined) return [];
    const median = (metric: Metric) => found.policy.metrics[metric.id].median;
    return [{ ...found, names, front, split: median(splits), idle: median(idle), calls: median(calls) }];
  });
}

/** An axis that is logarithmic and begins at 0. */
function softLog(values: readonly number[], unit: number) {
  const at = (value: number) => Math.log10(1 + value / unit);
  const most = Math.max(unit, ...values);
  const decades = Math.ceil(Math.log10(most / unit)) + 1;
  // A short axis has more of them.
  const steps = decades <= 3 ? [1, 2, 5] : [1];
  const values10 = Array.from({ length: decades }, (_, power) =>
    steps.map((step) => unit * step * 10 ** power),
  ).flat();
  const ticks = [0, ...values10.map(at)].filter((tick) => tick <= at(most) * 1.02);
  return {
    at,
    back: (tick: number) => (Math.round((10 ** tick - 1) * 1e6) / 1e6) * unit,
    ticks,
    axis: { min: -0.12, max: at(most) * 1.06 },
  };
}
