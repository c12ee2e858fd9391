/** An axis that is logarithmic and begins at 0. */
import { exactBytes, formatValue, type Unit } from '../../../text/units.ts';

export type SoftLog = ReturnType<typeof softLog>;

const TICKS = 7;

export function softLog(values: readonly number[], unit: Unit) {
  const isBinary = unit === 'bytes' || unit === 'byte-seconds';
  // Values far below it are drawn near 0.
  const least = isBinary ? 2 ** 20 : 1;
  const at = (value: number) => Math.log10(1 + value / least);
  const most = Math.max(least, ...values);
  const shown = (isBinary ? powersOfTwo(least, most) : decades(least, most)).filter(
    (value) => at(value) <= at(most) * 1.02,
  );
  const suffix = unit === 'byte-seconds' ? '.s' : '';
  const textOf = (value: number) => (isBinary ? exactBytes(value) + suffix : formatValue(value, unit));
  const texts = new Map([0, ...shown].map((value) => [at(value), textOf(value)]));
  return {
    at,
    /** Positions on the axis; the first is 0. */
    ticks: [...texts.keys()],
    text: (tick: number) => texts.get(tick) ?? '',
    // Room for a mark at 0.
    min: -0.07 * at(most),
    max: at(most) * 1.06,
  };
}

function powersOfTwo(least: number, most: number): number[] {
  const doublings = Math.floor(Math.log2(most / least));
  const step = Math.ceil((doublings + 1) / TICKS);
  return Array.from({ length: Math.floor(doublings / step) + 1 }, (_, index) => least * 2 ** (index * step));
}

function decades(least: number, most: number): number[] {
  const count = Math.ceil(Math.log10(most / least)) + 1;
  // A short axis has more ticks.
  const steps = count <= 3 ? [1, 2, 5] : [1];
  return Array.from({ length: count }, (_, power) => steps.map((step) => least * step * 10 ** power)).flat();
}
