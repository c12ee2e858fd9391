/** What policies save against what they leave exposed: nothing is best at all, so those are marked that nothing beats at all. */
import type { Metric } from '../../../metrics/metric.ts';
import type { PolicyResults, Results } from '../../results.ts';
import { formatValue } from '../../units.ts';
import { chartText } from '../escape.ts';
import { listed } from '../../verdict.ts';
import { POLICY_STYLES, policyStyle } from '../palette.ts';
import { chartBase, inkOf, tooltip, valueAxis } from './axes.ts';
import type { Figure, View } from './figure.ts';
import { LABEL_GAP, type LabelPlace, labelPlaces } from './label-places.ts';
import { type SoftLog, softLog } from './soft-log.ts';

const TITLE = 30;
const HEIGHT = 340;
const BOTTOM = 40;
/** px of a character, rather too many. */
const CHARACTER = 6.1;
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
  if (calls === undefined || !results.platform.confidential || results.policies.length < 2) return undefined;
  const points = pointsOf(results, [splits, idle, calls]);
  const front = points.filter((point) => point.front === 1);
  const title = `${splits.label} against ${idle.label}`;
  const y = softLog(
    points.map((point) => point.split),
    splits.unit,
  );
  const x = softLog(
    points.map((point) => point.idle),
    idle.unit,
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
    reading: () => readingOf(),
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

  function readingOf(): string {
    const objectives = `${splits.label}, ${idle.label} and host calls at once`;
    const isAnyRefused = results.ranking.refused.length > 0;
    const marks = "A mark's size and its label tell host calls.";
    if (front.length === 0)
      return `Left and down is better. Every policy refused requests, so that none is ranked: all are hollow and dotted. ${marks}`;
    if (points.length === 1)
      return `All ${results.policies.length} policies come to the same in ${objectives}. ${marks}`;
    const isAnyBeaten = points.some((point) => point.front > 1);
    const hollow = [isAnyBeaten && 'beaten', isAnyRefused && 'refused requests (dotted)'].filter(
      (words) => words !== false,
    );
    const filled =
      hollow.length === 0
        ? 'all, as none beats another'
        : `the ${front.length === 1 ? 'one' : front.length} of ${points.length} that no other beats`;
    return `Left and down is better. Filled: ${filled} at ${objectives}${hollow.length > 0 ? `; hollow: ${hollow.join(', or ')}` : ''}. ${marks}`;
  }

  function optionOf(view: View) {
    const ink = inkOf(view);
    const isFew = points.length <= POLICY_STYLES;
    const isLabelled = (point: Point) => point.front === 1 || point.place === 0 || isFew;
    const labelOf = (point: Point) =>
      `${chartText(shortNames(point.names))}  ${formatValue(point.calls, 'count')} ${point.calls === 1 ? 'call' : 'calls'}`;
    const height = HEIGHT + (view.isAlone ? TITLE : 0);
    const plot = {
      left: 18 + CHARACTER * Math.max(...y.ticks.map((tick) => y.text(tick).length)),
      top: view.isAlone ? TITLE + 30 : 30,
      right: view.width - Math.min(250, view.width * 0.25),
      bottom: height - BOTTOM,
    };
    const along = (value: number, axis: SoftLog) => (axis.at(value) - axis.min) / (axis.max - axis.min);
    const places = labelPlaces(
      points.map((point) => ({
        x: plot.left + along(point.idle, x) * (plot.right - plot.left),
        y: plot.bottom - along(point.split, y) * (plot.bottom - plot.top),
        radius: sizeOf(point) / 2,
        width: isLabelled(point) ? CHARACTER * labelOf(point).length : 0,
      })),
      { ...plot, left: plot.left + 2, right: view.width - 2 },
    );
    return {
      ...chartBase(view, `${chartText(results.input.name)}: ${title}`),
      grid: {
        left: plot.left,
        right: view.width - plot.right,
        top: plot.top,
        bottom: BOTTOM,
        outerBoundsMode: 'none',
      },
      tooltip: {
        ...tooltip(view),
        trigger: 'item',
        formatter: ({ dataIndex }: { dataIndex: number }) => pointText(points[dataIndex]),
      },
      xAxis: {
        ...valueAxis(view, idle.label),
        min: x.min,
        max: x.max,
        nameLocation: 'middle',
        nameGap: 24,
        nameTextStyle: { color: ink.muted, fontSize: 11.5, align: 'center' },
        axisLine: { show: true, onZero: false, lineStyle: { color: ink.line } },
        axisLabel: {
          color: ink.muted,
          fontSize: 11.5,
          hideOverlap: true,
          customValues: x.ticks,
          formatter: x.text,
        },
        axisTick: { show: true, customValues: x.ticks, lineStyle: { color: ink.line } },
        splitLine: { show: false },
      },
      yAxis: {
        ...valueAxis(view, splits.label),
        min: y.min,
        max: y.max,
        nameTextStyle: { color: ink.muted, fontSize: 11.5, align: 'left' },
        axisLine: { show: true, onZero: false, lineStyle: { color: ink.line } },
        axisLabel: {
          color: ink.muted,
          fontSize: 11.5,
          customValues: y.ticks,
          formatter: y.text,
        },
        axisTick: { show: true, customValues: y.ticks, lineStyle: { color: ink.line } },
        splitLine: { show: false },
      },
      series: [
        {
          type: 'scatter',
          // Of many, what has no room has no label: the table has all.
          ...(isFew ? {} : { labelLayout: { hideOverlap: true } }),
          data: points.map((point, index) => {
            const place = places[index];
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
                show: place !== undefined,
                ...positionOf(place),
                color: ink.text,
                fontSize: 11.5,
                formatter: labelOf(point),
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

/** Beside a mark from where it ends: how wide a text comes out is known only roughly. */
const positionOf = (place: LabelPlace | undefined) =>
  place === undefined || place.side === 'over'
    ? { position: 'inside', offset: [place?.dx ?? 0, place?.dy ?? 0] }
    : { position: place.side, distance: LABEL_GAP };

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
