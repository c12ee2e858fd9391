/** Splits against shared-idle memory: no policy is best in everything, so the figure marks the policies that no other beats. */

import { shortPolicyName } from '@decpool/pool/policy-names';
import type { Metric } from '../../../metrics/metric.ts';
import { countText } from '../../../text/counts.ts';
import { listed, present } from '../../../text/listed.ts';
import { formatValue } from '../../../text/units.ts';
import type { Results } from '../../results.ts';
import { objectivesOf } from '../../verdict.ts';
import { chartText } from '../escape.ts';
import { POLICY_STYLES, policyStyle } from '../palette.ts';
import {
  chartBase,
  inkOf,
  nameBelow,
  onlyLine,
  TEXT_SIZE,
  TITLE_HEIGHT,
  tooltip,
  valueAxis,
} from './axes.ts';
import type { Figure, View } from './figure.ts';
import { LABEL_GAP, type LabelPlace, labelPlaces } from './label-places.ts';
import { type SoftLog, softLog } from './soft-log.ts';

const HEIGHT = 340;
const BOTTOM = 40;
/** px of a character; an upper estimate. */
const CHARACTER = 6.1;
const TABLE_ROWS = 400;

interface Point {
  readonly place: number;
  /** Policies with the same figures. */
  readonly names: readonly string[];
  /** 0 if the policy refused requests. */
  readonly front: number;
  /** Medians of the objectives: splits, shared-idle memory and host calls. */
  readonly values: readonly number[];
}

export function paretoFigure(results: Results): Figure | undefined {
  const objectives = objectivesOf(results);
  if (objectives.length < 3 || !results.platform.confidential || results.policies.length < 2)
    return undefined;
  const [splits, idle] = objectives;
  const points = pointsOf(results, objectives);
  const front = points.filter((point) => point.front === 1);
  const heading = `${splits.label} against ${idle.label}`;
  const axisOf = (objective: number) =>
    softLog(
      points.map(({ values }) => values[objective]),
      objectives[objective].unit,
    );
  const [y, x] = [axisOf(0), axisOf(1)];
  const callsOf = ({ values }: Point) => values[2];
  const sizeOf = (point: Point) => 9 + 4 * Math.log10(1 + callsOf(point));
  const frontText = (point: Point) => (point.front === 0 ? 'refused requests' : `front ${point.front}`);
  const textsOf = ({ values }: Point) =>
    objectives.map(({ unit }, index) => formatValue(values[index], unit));
  return {
    id: 'pareto',
    title: heading,
    kind: 'run',
    heightAt: () => HEIGHT,
    formula: [
      `front: no other ranked policy is at least as good in ${listed(results.ranking.objectives)} and better in one`,
      'Both axes are logarithmic in 1 + value / unit: they begin at 0. The size of a mark grows with the logarithm of host calls.',
    ],
    commands: [results.command],
    reading: readingOf,
    table: () => ({
      caption: `${heading}, best ranked first${points.length > TABLE_ROWS ? `; the first ${TABLE_ROWS}` : ''}`,
      head: ['policies', 'front', ...objectives.map(({ label }) => label)],
      rows: points
        .slice(0, TABLE_ROWS)
        .map((point) => [
          listed(point.names.map(shortPolicyName)),
          frontText(point).replace('front ', ''),
          ...textsOf(point),
        ]),
    }),
    option: optionOf,
  };

  function readingOf(): string {
    const marks = 'The size and the label of a mark show host calls.';
    if (front.length === 0) {
      return `Left and down is better. All marks are hollow and dotted: every policy refused requests, so none is ranked. ${marks}`;
    }
    const names = listed(objectives.map(({ label }) => label));
    if (points.length === 1) {
      return `All ${results.policies.length} policies have the same ${names}. ${marks}`;
    }
    return present([
      'Left and down is better.',
      `Filled (${front.length} of ${points.length}): no other policy beats them in ${names} together.`,
      points.some((point) => point.front > 1) && 'Hollow: another policy beats them.',
      results.ranking.refused.length > 0 && 'Dotted: they refused more requests.',
      marks,
    ]).join(' ');
  }

  function optionOf(view: View) {
    const ink = inkOf(view);
    const isFew = points.length <= POLICY_STYLES;
    const isLabelled = (point: Point) => point.front === 1 || point.place === 0 || isFew;
    const labelOf = (point: Point) =>
      `${chartText(shortNames(point.names))}  ${countText(callsOf(point), 'call')}`;
    const title = view.isAlone ? TITLE_HEIGHT : 0;
    const plot = {
      left: 18 + CHARACTER * Math.max(...y.ticks.map((tick) => y.text(tick).length)),
      top: title + 30,
      right: view.width - Math.min(250, view.width * 0.25),
      bottom: title + HEIGHT - BOTTOM,
    };
    const along = (value: number, axis: SoftLog) => (axis.at(value) - axis.min) / (axis.max - axis.min);
    const places = labelPlaces(
      points.map((point) => ({
        x: plot.left + along(point.values[1], x) * (plot.right - plot.left),
        y: plot.bottom - along(point.values[0], y) * (plot.bottom - plot.top),
        radius: sizeOf(point) / 2,
        width: isLabelled(point) ? CHARACTER * labelOf(point).length : 0,
      })),
      { ...plot, left: plot.left + 2, right: view.width - 2 },
    );
    return {
      ...chartBase(view, results.input.name, heading),
      grid: {
        left: plot.left,
        right: view.width - plot.right,
        top: plot.top,
        bottom: BOTTOM,
        outerBoundsMode: 'none',
      },
      tooltip: tooltip(view, {
        trigger: 'item',
        formatter: ({ dataIndex }: { dataIndex: number }) => pointText(points[dataIndex]),
      }),
      xAxis: { ...softLogAxis(view, '', x), ...nameBelow(view, idle.label, 24) },
      yAxis: softLogAxis(view, splits.label, y),
      series: [
        {
          type: 'scatter',
          // A label without room is left out: the table has them all.
          ...(isFew ? {} : { labelLayout: { hideOverlap: true } }),
          data: points.map((point, index) => {
            const place = places[index];
            const isFront = point.front === 1;
            const plain = isFront ? ink.accent : ink.muted;
            const colour = isFew || point.place === 0 ? policyStyle(point.place).colour[view.scheme] : plain;
            return {
              value: [x.at(point.values[1]), y.at(point.values[0])],
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
                fontSize: TEXT_SIZE,
                formatter: labelOf(point),
              },
            };
          }),
        },
      ],
    };
  }

  function pointText(point: Point): string {
    const figures = textsOf(point).map((text, index) => `${objectives[index].label}: ${text}`);
    return [chartText(shortNames(point.names)), frontText(point), ...figures].join('\n');
  }
}

function softLogAxis(view: View, name: string, axis: SoftLog) {
  const { muted, line } = inkOf(view);
  return {
    ...valueAxis(view, { name }),
    ...onlyLine(view),
    min: axis.min,
    max: axis.max,
    axisLabel: {
      color: muted,
      fontSize: TEXT_SIZE,
      hideOverlap: true,
      customValues: axis.ticks,
      formatter: axis.text,
    },
    axisTick: { show: true, customValues: axis.ticks, lineStyle: { color: line } },
  };
}

/** Beside a mark, measured from its edge: the width of a text is known only roughly. */
const positionOf = (place: LabelPlace | undefined) =>
  place === undefined || place.side === 'over'
    ? { position: 'inside', offset: [place?.dx ?? 0, place?.dy ?? 0] }
    : { position: place.side, distance: LABEL_GAP };

function shortNames(policies: readonly string[]): string {
  const names = policies.map(shortPolicyName);
  return names.length <= 2 ? names.join(', ') : `${names[0]} and ${names.length - 1} more`;
}

function pointsOf({ policies, ranking }: Results, objectives: readonly Metric[]): Point[] {
  const groups = [
    ...ranking.ranked.map((group) => ({ names: group.policies, front: group.front })),
    ...ranking.refused.map((policy) => ({ names: [policy], front: 0 })),
  ];
  return groups.flatMap(({ names, front }) => {
    // A group with the baseline has the baseline's colour.
    const place = policies.findIndex(({ policy }) => policy === names[0]);
    if (place === -1) return [];
    return [{ place, names, front, values: objectives.map(({ id }) => policies[place].metrics[id].median) }];
  });
}
