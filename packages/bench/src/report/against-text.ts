/** How figures changed, for a terminal. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import picocolors from 'picocolors';
import { printable } from '../text/printable.ts';
import type { Screen } from '../text/screen.ts';
import { numberColumn, plainTable, textColumn } from '../text/table.ts';
import type { Delta } from './against.ts';
import { markOf, valueText } from './rows.ts';

/** Widths of the policy and metric columns, in characters with margins: default, and for narrow terminals. */
const WIDTHS = { usual: [24, 28], narrow: [18, 18] } as const;
const NARROW = 92;

export function deltasText(deltas: readonly Delta[], { isColoured, columns }: Screen): string {
  const { green, red } = picocolors.createColors(isColoured);
  const [policyWidth, metricWidth] = columns < NARROW ? WIDTHS.narrow : WIDTHS.usual;
  const heads = [
    textColumn('policy', policyWidth),
    textColumn('metric', metricWidth),
    ...['before', 'now', 'change'].map(numberColumn),
  ];
  const rows = deltas.map(({ policy, metric, before, now, change, isBetter, isNoise }, index) => {
    const paint = isNoise === true || isBetter === undefined ? String : isBetter ? green : red;
    return [
      policy === deltas[index - 1]?.policy ? '' : printable(shortPolicyName(policy)).replaceAll('+', '\n+'),
      printable(metric.label),
      valueText(before.median, metric),
      valueText(now.median, metric),
      paint(`${change} ${markOf({ isBetter, isNoise })}`.trimEnd()),
    ];
  });
  return `${plainTable(heads, rows)}\n`;
}
