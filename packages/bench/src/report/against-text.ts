/** What became of figures, for a terminal. */
import Table from 'cli-table3';
import picocolors from 'picocolors';
import { printable } from '../cli/printable.ts';
import type { Delta } from './against.ts';
import { markOf, valueText } from './rows.ts';
import type { Screen } from './screen.ts';

/** Characters that the names of policies and of metrics get, with margins: usually, and where a line has room for less. */
const WIDTHS = { usual: [24, 28], narrow: [18, 18] } as const;
const NARROW = 92;

/** A line for each of the figures. */
export function deltasText(deltas: readonly Delta[], { isColoured, columns }: Screen): string {
  const { green, red } = picocolors.createColors(isColoured);
  const table = new Table({
    head: ['policy', 'metric', 'before', 'now', 'change'],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    colWidths: [...(columns < NARROW ? WIDTHS.narrow : WIDTHS.usual)],
    wordWrap: true,
    wrapOnWordBoundary: true,
    style: { head: [], border: [], compact: true },
  });
  let last: string | undefined;
  for (const { policy, metric, before, now, change, isBetter, isNoise } of deltas) {
    const text = `${change} ${markOf({ isBetter, isNoise })}`.trimEnd();
    const paint = isNoise === true || isBetter === undefined ? String : isBetter ? green : red;
    table.push([
      policy === last ? '' : printable(policy).replaceAll('+', '\n+'),
      printable(metric.label),
      valueText(before.median, metric),
      valueText(now.median, metric),
      paint(text),
    ]);
    last = policy;
  }
  return `${table.toString()}\n`;
}
