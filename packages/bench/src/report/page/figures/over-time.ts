/** Charts over simulated time: a stepped line for each policy, or for a group of policies with the same values. */
import { lastAtMost } from '../../../history/last-at-most.ts';
import { type SeriesName, seriesInfo } from '../../../history/types.ts';
import { groupedBy } from '../../../text/groups.ts';
import { listed } from '../../../text/listed.ts';
import { formatValue } from '../../../text/units.ts';
import {
  bytesScale,
  COUNT,
  chartBase,
  inkOf,
  onlyLine,
  TITLE_HEIGHT,
  timeScale,
  timeText,
  tooltip,
  valueAxis,
  wordsAt,
} from './axes.ts';
import type { ChartOption, Figure, FigureTable, LoggedInput, View } from './figure.ts';
import { type Line, lineName, lineSeries, linesOf, styledRuns } from './runs.ts';

export interface TimeFigure {
  readonly series: SeriesName;
  readonly title: string;
  readonly formula: readonly string[];
  readonly commands: readonly string[];
  /** The value of each line in the sentence above the chart: the last or the largest. */
  readonly tells: 'end' | 'most';
  /** Whether the axis may begin above 0, for small changes of large values. */
  readonly isCropped?: boolean;
  /** A line that is the same for all policies, as a bound. */
  readonly reference?: { readonly name: string; readonly values: readonly number[] };
}

const HEIGHT = 210;
const LEGEND_LINE = 18;
const TABLE_ROWS = 25;

export function timeFigure(logged: LoggedInput, spec: TimeFigure): Figure {
  const { frames } = logged.history;
  const { id, unit } = seriesInfo(spec.series);
  const lines = linesOf(styledRuns(logged), ({ series }) => series[spec.series]);
  const references = spec.reference === undefined ? [] : [spec.reference];
  const most = Math.max(0, ...[...lines, ...references].flatMap(({ values }) => values));
  const scale = unit === 'bytes' ? bytesScale(most) : COUNT;
  const time = timeScale(frames.times[frames.times.length - 1]);
  const value = (number: number) => formatValue(number, unit === 'bytes' ? unit : 'count');

  return {
    id,
    title: spec.title,
    kind: 'time',
    formula: spec.formula,
    commands: spec.commands,
    heightAt: () => HEIGHT,
    reading: () => readingOf(lines, spec, value),
    table: tableOf,
    option: optionOf,
  };

  function tableOf(): FigureTable {
    const rows = sampled(frames.times.length, TABLE_ROWS);
    return {
      caption: `${spec.title} at ${rows.length} of ${frames.times.length} moments`,
      head: [
        'simulated time',
        ...lines.flatMap(({ policies }) => policies),
        ...references.map(({ name }) => name),
      ],
      rows: rows.map((frame) => [
        timeText(frames.times[frame]),
        ...lines.flatMap(({ policies, values }) => policies.map(() => value(values[frame]))),
        ...references.map(({ values }) => value(values[frame])),
      ]),
    };
  }

  function optionOf(view: View): ChartOption {
    const ink = inkOf(view);
    const legend = view.isAlone ? legendOf(lines, spec, view, ink.muted) : [];
    const top = (view.isAlone ? TITLE_HEIGHT + LEGEND_LINE * legendRows(lines, view) : 0) + 26;
    return {
      ...chartBase(view, logged.results.input.name, spec.title),
      grid: { left: 8, right: 14, top, bottom: 26, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      graphic: legend,
      tooltip: tooltip(view, {
        trigger: 'axis',
        axisPointer: { type: 'line', lineStyle: { color: ink.muted, width: 1 }, label: { show: false } },
        formatter: tooltipText,
      }),
      xAxis: {
        ...valueAxis(view, { suffix: time.suffix }),
        ...onlyLine(view),
        min: 0,
        max: frames.times[frames.times.length - 1] / time.divisor || 1,
      },
      yAxis: {
        ...valueAxis(view, { name: scale.suffix }),
        minInterval: unit === 'bytes' ? 0 : 1,
        scale: spec.isCropped === true,
        ...(most === 0 ? { max: 1 } : {}),
      },
      dataZoom: [
        {
          type: 'inside',
          xAxisIndex: 0,
          filterMode: 'none',
          zoomOnMouseWheel: 'ctrl',
          moveOnMouseMove: 'shift',
          moveOnMouseWheel: false,
        },
      ],
      series: [
        ...references.map(({ name, values }) => ({
          type: 'line',
          name,
          data: points(values),
          step: 'end',
          symbol: 'none',
          lineStyle: { width: 0.8, color: ink.muted },
          itemStyle: { color: ink.muted },
          areaStyle: { color: ink.muted, opacity: 0.16 },
          z: 1,
          silent: true,
        })),
        ...lines.map((line) => ({
          // The baseline is broad and pale, so that lines on it can be seen.
          ...lineSeries(line, view, line.style.index === 0 ? { width: 4, opacity: 0.55 } : { width: 1.8 }),
          data: points(line.values),
          step: 'end',
          symbol: 'none',
          z: 3,
        })),
      ],
    };
  }

  /** A stepped line needs a point only if the value changes. */
  function points(values: readonly number[]): [number, number][] {
    const last = values.length - 1;
    return values.flatMap((each, frame): [number, number][] =>
      frame === 0 || frame === last || each !== values[frame - 1]
        ? [[frames.times[frame] / time.divisor, each / scale.divisor]]
        : [],
    );
  }

  function tooltipText(hits: readonly Hit[]): string {
    const at = (hits[0]?.axisValue ?? 0) * time.divisor;
    const frame = frameAt(frames.times, at);
    return [
      timeText(at),
      ...lines.map((line) => `${value(line.values[frame])}  ${lineName(line)}`),
      ...references.map(({ name, values }) => `${value(values[frame])}  ${name}`),
    ].join('\n');
  }
}

interface Hit {
  readonly axisValue: number;
}

/** The last frame that is not later than the time; the first if all are later. */
export const frameAt = (times: readonly number[], time: number): number =>
  Math.max(
    0,
    lastAtMost(times.length, time, (frame) => times[frame]),
  );

/** At most `most` indices below `count`, with the first and the last. */
export function sampled(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, index) => index);
  return Array.from({ length: most }, (_, index) => Math.round((index * (count - 1)) / (most - 1)));
}

const VALUES_NAMED = 8;

/** `At the end: 61 under linux-7.3; 0 under first-fit and best-fit.` */
function readingOf(lines: readonly Line[], { tells }: TimeFigure, value: (number: number) => string): string {
  const figure = ({ values }: Line) => (tells === 'end' ? values[values.length - 1] : Math.max(...values));
  const byValue = groupedBy(lines, (line) => value(figure(line)));
  const parts = [...byValue]
    .slice(0, VALUES_NAMED)
    .map(([text, group]) => `${text} under ${listed(group.flatMap(({ policies }) => policies))}`);
  const [first] = byValue.keys();
  const when = tells === 'end' ? 'At the end' : 'At most';
  return `${when}: ${byValue.size === 1 ? `${first} under every policy` : parts.join('; ')}.`;
}

const perRow = (view: View): number => Math.max(1, Math.floor(view.width / 290));
const legendRows = (lines: readonly Line[], view: View): number => Math.ceil(lines.length / perRow(view));

/** The legend of a picture that is a file of its own. */
function legendOf(lines: readonly Line[], spec: TimeFigure, view: View, muted: string): ChartOption[] {
  const width = view.width / perRow(view);
  const samples = lines.flatMap((line, index): ChartOption[] => {
    const x = 12 + width * (index % perRow(view));
    const y = TITLE_HEIGHT + 8 + LEGEND_LINE * Math.floor(index / perRow(view));
    const { colour, dash } = line.style;
    return [
      {
        type: 'line',
        silent: true,
        shape: { x1: x, y1: y, x2: x + 26, y2: y },
        style: { stroke: colour[view.scheme], lineWidth: 2, lineDash: [...dash] },
      },
      wordsAt({ x: x + 32, y: y - 6 }, lineName(line), muted, { width: width - 50, overflow: 'truncate' }),
    ];
  });
  if (spec.reference === undefined) return samples;
  return [...samples, wordsAt({ right: 12, top: 10 }, `grey area: ${spec.reference.name}`, muted)];
}
