/** An axis that is logarithmic and begins at 0. */
import type { Unit } from '../../../text/units.ts';
import { formatValue } from '../../../text/units.ts';

export interface SoftLog {
  at(value: number): number;
  /** Positions on the axis; the first is 0. */
  readonly ticks: readonly number[];
  /** The label of a tick. */
  text(tick: number): string;
  readonly min: number;
  readonly max: number;
}

const MOST_TICKS = 7;
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function softLog(values: readonly number[], unit: Unit): SoftLog {
  const isBinary = unit === 'bytes' || unit === 'byte-seconds';
  // Values far below it are drawn near 0.
  const least = isBinary ? 2 ** 20 : 1;
  const at = (value: number) => Math.log10(1 + value / least);
  const most = Math.max(least, ...values);
  const shown = (isBinary ? powersOfTwo(least, most) : decades(least, most)).filter(
    (value) => at(value) <= at(most) * 1.02,
  );
  const texts = new Map(
    [0, ...shown].map((value) => [at(value), isBinary ? binaryText(value, unit) : formatValue(value, unit)]),
  );
  return {
    at,
    ticks: [...texts.keys()],
    text: (tick) => texts.get(tick) ?? '',
    // Room for a mark at 0.
    min: -0.07 * at(most),
    max: at(most) * 1.06,
  };
}

function powersOfTwo(least: number, most: number): number[] {
  const doublings = Math.floor(Math.log2(most / least));
  const step = Math.ceil((doublings + 1) / MOST_TICKS);
  return Array.from({ length: Math.floor(doublings / step) + 1 }, (_, index) => least * 2 ** (index * step));
}

function decades(least: number, most: number): number[] {
  const count = Math.ceil(Math.log10(most / least)) + 1;
  // A short axis has more ticks.
  const steps = count <= 3 ? [1, 2, 5] : [1];
  return Array.from({ length: count }, (_, power) => steps.map((step) => least * step * 10 ** power)).flat();
}

/** In the largest unit that gives a whole number. */
function binaryText(value: number, unit: Unit): string {
  const suffix = unit === 'byte-seconds' ? '.s' : '';
  if (value === 0) return `0 B${suffix}`;
  const scale = Math.min(BINARY.length - 1, Math.floor(Math.log2(value) / 10));
  return `${value / 1024 ** scale} ${BINARY[scale]}${suffix}`;
}
