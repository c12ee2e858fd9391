/** Values as narrow tables have them: at most six characters, with the unit of a row in its label. */
import { BINARY, type Scale, type Unit, withCommas } from './units.ts';

/**
 * The one unit of a row with these values; its suffix is empty for plain numbers. Bytes are in MiB; in KiB if all are less than one
 * MiB; in GiB if all that are not 0 are at least ten GiB.
 */
export function compactUnit(unit: Unit, values: readonly number[]): Scale {
  if (unit !== 'bytes' && unit !== 'byte-seconds')
    return { suffix: unit === 'percent' ? '%' : '', divisor: 1 };
  const sizes = values.filter((value) => value !== 0).map(Math.abs);
  const isSmall = sizes.length > 0 && Math.max(...sizes) < 2 ** 20;
  const isLarge = sizes.length > 0 && Math.min(...sizes) >= 10 * 2 ** 30;
  const { suffix, divisor } = BINARY[isSmall ? 1 : isLarge ? 3 : 2];
  return { suffix: unit === 'bytes' ? suffix : `${suffix}.s`, divisor };
}

export const compactValue = (value: number, { divisor }: Scale): string => compactNumber(value / divisor);

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
