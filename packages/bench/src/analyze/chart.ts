/** A small chart of live pages over time, in plain characters. */
import { formatValue } from '../text/units.ts';

const ROWS = 8;
/** Eighths of a character's height. */
const UNICODE = ' ▁▂▃▄▅▆▇█';
const ASCII = ' ..::||##';

interface ChartOptions {
  /** Longest line, in characters. */
  readonly columns: number;
  /** Characters that every terminal has. */
  readonly isAscii?: boolean;
  /** Below the left and the right end. */
  readonly ends: readonly [left: string, right: string];
}

/** Lines of a chart, without line ends; each column is the most of the values that it stands for. */
export function chartLines(
  values: readonly number[],
  { columns, isAscii = false, ends }: ChartOptions,
): string[] {
  const most = Math.max(1, ...values);
  const label = formatValue(most, 'pages');
  const width = Math.max(10, Math.min(values.length, columns - label.length - 2));
  const heights = Array.from({ length: width }, (_, column) => {
    const from = Math.floor((column * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / width));
    const value = Math.max(...values.slice(from, to));
    // What is not 0 is visible.
    return value === 0 ? 0 : Math.max(1, Math.round((value / most) * ROWS * 8));
  });
  const scale = isAscii ? ASCII : UNICODE;
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const below = (ROWS - 1 - row) * 8;
    const cells = heights.map((height) => scale[Math.max(0, Math.min(8, height - below))]).join('');
    const name = row === 0 ? label : row === ROWS - 1 ? '0' : '';
    return `${name.padStart(label.length)} ${isAscii ? '|' : '┤'}${cells}`.trimEnd();
  });
  const [left, right] = ends;
  const gap = Math.max(1, width - left.length - right.length);
  return [...rows, `${' '.repeat(label.length + 2)}${left}${' '.repeat(gap)}${right}`];
}
