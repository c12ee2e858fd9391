/** Axes with one unit for the whole axis, a binary one for bytes, and the colours of the page. */

import { formatValue } from '../../../text/units.ts';
import { FONTS, INK, type Ink, type Scheme } from '../palette.ts';
import type { ChartOption, View } from './figure.ts';

export interface Scale {
  /** Values are divided by it before they are drawn. */
  readonly divisor: number;
  readonly suffix: string;
}

const BINARY: readonly Scale[] = [
  { divisor: 1, suffix: 'B' },
  { divisor: 2 ** 10, suffix: 'KiB' },
  { divisor: 2 ** 20, suffix: 'MiB' },
  { divisor: 2 ** 30, suffix: 'GiB' },
  { divisor: 2 ** 40, suffix: 'TiB' },
];

const TIME: readonly Scale[] = [
  { divisor: 1, suffix: 'ns' },
  { divisor: 1e3, suffix: 'us' },
  { divisor: 1e6, suffix: 'ms' },
  { divisor: 1e9, suffix: 's' },
  { divisor: 6e10, suffix: 'min' },
  { divisor: 3.6e12, suffix: 'h' },
];

/** The largest unit in which `most` is 10 or more. */
const scaleOf = (scales: readonly Scale[], most: number): Scale =>
  scales.findLast(({ divisor }) => most >= 10 * divisor) ?? scales[0];

export const bytesScale = (most: number): Scale => scaleOf(BINARY, most);
/** For ns. Minutes from 10 minutes on, hours from 10 hours on. */
export const timeScale = (most: number): Scale => scaleOf(TIME, most);
export const COUNT: Scale = { divisor: 1, suffix: '' };

/** `1.25 s` */
export const timeText = (ns: number): string => {
  if (ns === 0) return '0 s';
  const { divisor, suffix } =
    TIME.findLast((scale) => ns >= scale.divisor && scale.divisor <= 1e9) ?? TIME[0];
  const value = ns / divisor;
  return `${formatValue(Number(value.toPrecision(value >= 1000 ? 7 : 4)), value >= 1000 ? 'count' : 'ratio')} ${suffix}`;
};

export const inkOf = ({ scheme }: { readonly scheme: Scheme }): Ink => INK[scheme];

const SIZE = 11.5;

/** The options that every chart has. */
export function chartBase(view: View, title: string): ChartOption {
  const ink = inkOf(view);
  return {
    animation: false,
    backgroundColor: view.isAlone ? ink.paper : 'transparent',
    textStyle: { fontFamily: FONTS, fontSize: SIZE, color: ink.text },
    ...(view.isAlone
      ? {
          title: {
            text: title,
            left: 12,
            top: 8,
            padding: 0,
            textStyle: { fontSize: 13, fontWeight: 600, color: ink.text },
          },
        }
      : {}),
  };
}

export const tooltip = (view: View): ChartOption => {
  const ink = inkOf(view);
  return {
    // HTML tooltips have inline styles, which the content security policy forbids.
    renderMode: 'richText',
    backgroundColor: ink.paper,
    borderColor: ink.line,
    borderWidth: 1,
    padding: [6, 9],
    textStyle: { color: ink.text, fontSize: SIZE, fontFamily: FONTS, lineHeight: 16 },
    confine: true,
    transitionDuration: 0,
  };
};

export function valueAxis(view: View, name = ''): ChartOption {
  const ink = inkOf(view);
  return {
    type: 'value',
    name,
    nameTextStyle: { color: ink.muted, fontSize: SIZE, align: 'left', padding: 0 },
    nameGap: 8,
    axisLabel: {
      color: ink.muted,
      fontSize: SIZE,
      hideOverlap: true,
      formatter: (value: number) => formatValue(value, 'ratio'),
    },
    axisLine: { show: false, lineStyle: { color: ink.line } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: ink.grid } },
    splitNumber: 4,
  };
}

export function categoryAxis(view: View, data: readonly string[]): ChartOption {
  const ink = inkOf(view);
  return {
    type: 'category',
    data: [...data],
    axisLabel: { color: ink.text, fontSize: SIZE, interval: 0 },
    axisLine: { show: false },
    axisTick: { show: false },
  };
}
