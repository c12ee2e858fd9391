import { wrapAnsi } from 'fast-wrap-ansi';

/** Lines of at most so many columns. A word that is longer is broken. */
export const wrap = (text: string, columns: number): string[] =>
  wrapAnsi(text, columns, { hard: true }).split('\n');

/** Lines beside a label, the first in its line and the others below. */
export const hanging = (label: string, lines: readonly string[]): string[] =>
  lines.map((line, index) => (index === 0 ? label : ' '.repeat(label.length)) + line);
