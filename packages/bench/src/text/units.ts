/** How a value is printed. `byte-seconds` are bytes x seconds, `block-seconds` blocks of 2 MiB x seconds. */
export const UNITS = [
  'count',
  'pages',
  'bytes',
  'byte-seconds',
  'block-seconds',
  'percent',
  'ratio',
] as const;
export type Unit = (typeof UNITS)[number];

/** A unit that values are divided by before they are shown. */
export interface Scale {
  readonly suffix: string;
  readonly divisor: number;
}

export const BINARY: readonly Scale[] = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'].map((suffix, power) => ({
  suffix,
  divisor: 1024 ** power,
}));

/** In ns. */
export const TIME: readonly Scale[] = [
  { suffix: 'ns', divisor: 1 },
  { suffix: 'us', divisor: 1e3 },
  { suffix: 'ms', divisor: 1e6 },
  { suffix: 's', divisor: 1e9 },
  { suffix: 'min', divisor: 60 * 1e9 },
  { suffix: 'h', divisor: 3600 * 1e9 },
];

/** The largest unit that leaves a whole part; seconds at most by default. */
export const timeUnit = (ns: number, largest = 1e9): Scale =>
  TIME.findLast(({ divisor }) => ns >= divisor && divisor <= largest) ?? TIME[0];

export function formatValue(value: number, unit: Unit): string {
  const { number, suffix } = split(value, unit);
  return number + suffix;
}

/** Two values of one unit as `116..124 MiB`: the unit stands once where both have the same. */
export function formatRange(min: number, max: number, unit: Unit): string {
  const from = split(min, unit);
  const to = split(max, unit);
  return `${from.number}${from.suffix === to.suffix ? '' : from.suffix}..${to.number}${to.suffix}`;
}

interface Formatted {
  readonly number: string;
  /** Begins with a space where there is one. */
  readonly suffix: string;
}

function split(value: number, unit: Unit): Formatted {
  switch (unit) {
    case 'count':
    case 'pages':
      return { number: grouped(value, 1), suffix: '' };
    case 'bytes':
      return scaled(value, '');
    case 'byte-seconds':
      return scaled(value, '.s');
    case 'block-seconds':
      return { number: grouped(value, decimalsOf(value)), suffix: ' block.s' };
    case 'ratio':
      return { number: grouped(value, 2), suffix: '' };
    case 'percent':
      return { number: percentage(value), suffix: ' %' };
  }
}

/** In the largest unit that leaves a whole part; but MiB up to 9,999, so that 2M mappings show as whole numbers. */
function scaled(value: number, suffix: string): Formatted {
  const size = Math.abs(value);
  const isReached = ({ divisor }: Scale) => size >= (divisor === 2 ** 30 ? 10_000 * 2 ** 20 : divisor);
  const scale = BINARY.findLast(isReached) ?? BINARY[0];
  const scaledValue = value / scale.divisor;
  return { number: grouped(scaledValue, decimalsOf(scaledValue)), suffix: ` ${scale.suffix}${suffix}` };
}

/** In the largest unit that leaves a whole number of eighths, for sizes and addresses: `2 MiB`, `1.125 GiB`. */
export function exactBytes(bytes: number): string {
  const { suffix, divisor } =
    BINARY.findLast((scale) => bytes >= scale.divisor && (bytes * 8) % scale.divisor === 0) ?? BINARY[0];
  return `${bytes / divisor} ${suffix}`;
}

export const addressText = (bytes: number): string => (bytes === 0 ? '0' : exactBytes(bytes));

/** Three digits, or all of the whole part. */
const decimalsOf = (value: number): number => (Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0);

/** Rounded to at most `decimals`, without zeros at the end, thousands set off by commas. */
function grouped(value: number, decimals: number): string {
  const [whole, fraction] = String(Number(value.toFixed(decimals))).split('.');
  return fraction === undefined ? withCommas(whole) : `${withCommas(whole)}.${fraction}`;
}

export const withCommas = (whole: string): string => whole.replace(/\B(?=(\d{3})+$)/g, ',');

/** One decimal; two below one. */
const percentage = (value: number): string => grouped(value, Math.abs(value) < 1 ? 2 : 1);

const sign = (value: number): string => (value < 0 ? '-' : '+');

/** Less than half a percent. */
export const SMALL_CHANGE = '~0%';

/**
 * A change: `-94%`, `+54%`; `x3.9` and `x59` if the value at least doubled; `=` if it is the same; `new` if it was 0. A small change
 * is `~0%`, not `=`; what is nearly gone is `-99%`, not `-100%`.
 */
export function formatChange(percent: number | undefined): string {
  if (percent === undefined) return 'new';
  if (percent === 0) return '=';
  if (percent >= 100) {
    const factor = 1 + percent / 100;
    return `x${grouped(factor, factor < 9.95 ? 1 : 0)}`;
  }
  const size = Math.abs(percent);
  if (size < 0.5) return SMALL_CHANGE;
  const whole = percent > -100 ? Math.min(99, Math.round(size)) : 100;
  return `${sign(percent)}${whole}%`;
}

/** A change of a percentage, in percentage points: `-1.5pt`. */
export function formatPoints(points: number): string {
  if (points === 0) return '=';
  const size = percentage(Math.abs(points));
  return size === '0' ? '~0pt' : `${sign(points)}${size}pt`;
}
