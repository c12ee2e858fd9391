/** What charts have in common: axes with one unit, labels, and the colours of the page. */
import { BINARY, formatValue, type Scale, TIME, timeUnit } from '../../../text/units.ts';
import { chartText } from '../escape.ts';
import { FONTS, INK, type Ink, type Scheme } from '../palette.ts';
import type { ChartOption, View } from './figure.ts';

/** px above a picture that is a file of its own, for its title. */
export const TITLE_HEIGHT = 30;
/** px of the letters of labels, and the widest that one may be. */
export const TEXT_SIZE = 11.5;
const LETTER = 6.9;

/** The largest unit in which `most` is 10 or more. */
const scaleOf = (scales: readonly Scale[], most: number): Scale =>
  scales.findLast(({ divisor }) => most >= 10 * divisor) ?? scales[0];

export const bytesScale = (most: number): Scale => scaleOf(BINARY, most);
/** For ns. Minutes from 10 minutes on, hours from 10 hours on. */
export const timeScale = (most: number): Scale => scaleOf(TIME, most);
export const COUNT: Scale = { divisor: 1, suffix: '' };

export const timeText = (ns: number): string => {
  if (ns === 0) return '0 s';
  const { divisor, suffix } = timeUnit(ns);
  const value = ns / divisor;
  return `${formatValue(Number(value.toPrecision(value >= 1000 ? 7 : 4)), value >= 1000 ? 'count' : 'ratio')} ${suffix}`;
};

export const inkOf = ({ scheme }: { readonly scheme: Scheme }): Ink => INK[scheme];

/** px that the longest of these names takes beside a chart. */
export const nameWidth = (names: readonly string[], mostLetters = Number.POSITIVE_INFINITY): number =>
  16 + LETTER * Math.min(mostLetters, Math.max(...names.map(({ length }) => length)));

export function chartBase(view: View, input: string, title: string): ChartOption {
  const ink = inkOf(view);
  const textStyle = { fontSize: 13, fontWeight: 600, color: ink.text };
  return {
    animation: false,
    backgroundColor: view.isAlone ? ink.paper : 'transparent',
    textStyle: { fontFamily: FONTS, fontSize: TEXT_SIZE, color: ink.text },
    ...(view.isAlone && {
      title: { text: `${chartText(input)}: ${title}`, left: 12, top: 8, padding: 0, textStyle },
    }),
  };
}

/** `rest`: the trigger and the text. */
export const tooltip = (view: View, rest: ChartOption): ChartOption => {
  const ink = inkOf(view);
  return {
    // HTML tooltips have inline styles, which the content security policy forbids.
    renderMode: 'richText',
    backgroundColor: ink.paper,
    borderColor: ink.line,
    borderWidth: 1,
    padding: [6, 9],
    textStyle: { color: ink.text, fontSize: TEXT_SIZE, fontFamily: FONTS, lineHeight: 16 },
    confine: true,
    transitionDuration: 0,
    ...rest,
  };
};

/** Words on a chart. `place`: x and y, or left, right and top, px. */
export const wordsAt = (place: ChartOption, text: string, fill: string, style: ChartOption = {}) => ({
  type: 'text',
  silent: true,
  ...place,
  style: { text, fill, fontSize: TEXT_SIZE, ...style },
});

/** Numbers on an axis. With a unit they have it beside them, and the last leaves room for it. */
const numbers = ({ muted: color }: Ink, suffix: string): ChartOption => ({
  color,
  fontSize: TEXT_SIZE,
  hideOverlap: true,
  formatter: (value: number) =>
    `${formatValue(value, 'ratio')}${suffix === '' || value === 0 ? '' : ` ${suffix}`}`,
  ...(suffix !== '' && { showMaxLabel: false }),
});

export function valueAxis(view: View, { name = '', suffix = '' } = {}): ChartOption {
  const ink = inkOf(view);
  return {
    type: 'value',
    name,
    nameTextStyle: { color: ink.muted, fontSize: TEXT_SIZE, align: 'left', padding: 0 },
    nameGap: 8,
    axisLabel: numbers(ink, suffix),
    axisLine: { show: false, lineStyle: { color: ink.line } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: ink.grid } },
    splitNumber: 4,
  };
}

/** A line without a grid. */
export const onlyLine = (view: View): ChartOption => ({
  axisLine: { show: true, onZero: false, lineStyle: { color: inkOf(view).line } },
  splitLine: { show: false },
});

/** The name of an axis below its middle. */
export const nameBelow = (view: View, name: string, nameGap = 22): ChartOption => ({
  name,
  nameLocation: 'middle',
  nameGap,
  nameTextStyle: { color: inkOf(view).muted, fontSize: TEXT_SIZE, align: 'center' },
});

/** Names from the top down, no wider than `width` px. */
export function categoryAxis(view: View, names: readonly string[], width: number): ChartOption {
  return {
    type: 'category',
    inverse: true,
    data: [...names],
    axisLabel: { color: inkOf(view).text, fontSize: TEXT_SIZE, interval: 0, width, overflow: 'truncate' },
    axisLine: { show: false },
    axisTick: { show: false },
  };
}

interface BarPanel {
  readonly label: string;
  readonly left: number;
  readonly top: number;
  /** px of its longest bar. */
  readonly width: number;
  readonly names: ChartOption;
  readonly bars: readonly { readonly value: number; readonly text: string; readonly color: string }[];
}

/** Bars with their values behind them: a panel for each figure, each with its own scale. */
export const barPanels = (panels: readonly BarPanel[], height: number, textColour: string): ChartOption => ({
  grid: panels.map(({ left, top, width }) => ({ left, top, width, height })),
  xAxis: panels.map(({ bars }, gridIndex) => ({
    type: 'value',
    gridIndex,
    show: false,
    min: 0,
    // A bar of 0 must not fill the panel.
    max: Math.max(...bars.map(({ value }) => value)) || 1,
  })),
  yAxis: panels.map(({ names }, gridIndex) => ({
    type: 'category',
    gridIndex,
    inverse: true,
    axisTick: { show: false },
    ...names,
  })),
  series: panels.map(({ label, bars }, panel) => ({
    type: 'bar',
    name: label,
    xAxisIndex: panel,
    yAxisIndex: panel,
    barWidth: 12,
    data: bars.map(({ value, text, color }) => ({
      value,
      itemStyle: { color },
      label: {
        show: true,
        position: 'right',
        distance: 4,
        color: textColour,
        fontSize: TEXT_SIZE,
        formatter: text,
      },
    })),
  })),
});
