/** Values as narrow tables have them: at most six characters, with the unit of a row in its label. */
import { type Unit, withCommas } from './units.ts';

export interface CompactUnit {
  /** Behind the label: `MiB`; empty for plain numbers. */
  readonly name: string;
  /** What one unit is worth, in the unit of the metric. */
  readonly size: number;
}

/** Rows are in MiB; in KiB if all is less than one MiB; in GiB if all that is not 0 is more than ten GiB. */
const BYTES: readonly (readonly [name: string, size: number])[] = [
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
];

/** The one unit of a row with these values. */
export function compactUnit(unit: Unit, values: readonly number[]): CompactUnit {
  if (unit === 'percent') return { name: '%', size: 1 };
  if (unit !== 'bytes' && unit !== 'byte-seconds') return { name: '', size: 1 };
  const sizes = values.filter((value) => value !== 0).map(Math.abs);
  const isSmall = sizes.length > 0 && Math.max(...sizes) < 2 ** 20;
  const isLarge = sizes.length > 0 && Math.min(...sizes) >= 10 * 2 ** 30;
  const [name, size] = BYTES[isSmall ? 0 : isLarge ? 2 : 1];
  return { name: unit === 'bytes' ? name : `${name}.s`, size };
}

export const compactValue = (value: number, { size }: CompactUnit): string => compactNumber(value / size);

/** Three digits below 100, whole numbers with commas below 100,000, then 423k, 1.23M, 4.5G. */
export function compactNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 99_999.5) return scaled(value);
  if (size >= 99.95) return withCommas(String(Math.round(value)));
  if (size >= 9.995) return String(Number(value.toFixed(1)));
  return size >= 1 ? String(Number(value.toFixed(2))) : String(Number(value.toPrecision(2)));
}

const LARGE: readonly (readonly [suffix: string, size: number])[] = [
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
];

function scaled(value: number): string {
  const found = LARGE.find(([, size]) => Math.abs(value) / size < 999.5) ?? LARGE[LARGE.length - 1];
  const [suffix, size] = found;
  const number = value / size;
  return `${Math.abs(number) >= 99.95 ? withCommas(String(Math.round(number))) : Number(number.toPrecision(3))}${suffix}`;
}
