/** How figures changed, for a terminal. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import Table from 'cli-table3';
import picocolors from 'picocolors';
import { printable } from '../text/printable.ts';
import type { Screen } from '../text/screen.ts';
import type { Delta } from './against.ts';
import { markOf, valueText } from './rows.ts';

/** Widths of the policy and metric columns, in characters with margins: default, and for narrow terminals. */
const WIDTHS = { usual: [24, 28], narrow: [18, 18] } as const;
const NARROW = 92;

/** A line per figure. */
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
      policy === last ? '' : printable(shortPolicyName(policy)).replaceAll('+', '\n+'),
      printable(metric.label),
      valueText(before.median, metric),
      valueText(now.median, metric),
      paint(text),
    ]);
    last = policy;
  }
  return `${table.toString()}\n`;
}
