/** What became of figures, for a terminal. */
import Table from 'cli-table3';
import picocolors from 'picocolors';
import { printable } from '../cli/printable.ts';
import type { Delta } from './against.ts';
import { markOf, valueText } from './rows.ts';
import type { Screen } from './screen.ts';

/** Characters that the names of policies get; they are broken at their plus signs. */
const POLICY_WIDTH = 24;

/** A line for each of the figures. */
export function deltasText(deltas: readonly Delta[], { isColoured }: Screen): string {
  const { green, red } = picocolors.createColors(isColoured);
  const table = new Table({
    head: ['policy', 'metric', 'before', 'now', 'change'],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    colWidths: [POLICY_WIDTH],
    style: { head: [], border: [], compact: true },
  });
  let last: string | undefined;
  for (const { policy, metric, before, now, change, isBetter, isNoise } of deltas) {
    const text = `${change} ${markOf({ isBetter, isNoise })}`.trimEnd();
    const paint = isNoise === true || isBetter === undefined ? String : isBetter ? green : red;
    table.push([
      policy === last ? '' : printable(policy).replaceAll('+', '\n+'),
      metric.label,
      valueText(before.median, metric),
      valueText(now.median, metric),
      paint(text),
    ]);
    last = policy;
  }
  return `${table.toString()}\n`;
}
