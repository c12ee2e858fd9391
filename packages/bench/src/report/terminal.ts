import picocolors from 'picocolors';
import wrapAnsi from 'wrap-ansi';
import { printable } from '../cli/printable.ts';
import { columnsText } from './columns-text.ts';
import { hasColumns } from './has-columns.ts';
import { isRanked, rankingText } from './ranking-table.ts';
import type { Results } from './results.ts';
import { comparisonRows, tellingRows } from './rows.ts';
import type { Screen } from './screen.ts';

const LABEL_WIDTH = 13;

/** The comparison as a terminal shows it, within its width. Colour only where the screen has it; the marks tell the same. */
export function comparisonText(results: Results, screen: Screen): string {
  return [
    ...results.facts.map(([label, text]) => labelled(label, text, screen)),
    ...(hasColumns(results) ? tableLines(results, screen) : []),
    ...(isRanked(results) ? rankingLines(results, screen) : []),
    ...results.notes.map((note) => labelled('note:', note, screen, 6)),
    '',
  ].join('\n');
}

/** What a text says beside its label, wrapped, with what does not fit below it. */
export function labelled(label: string, text: string, { columns }: Screen, width = LABEL_WIDTH): string {
  const [first, ...rest] = wrapAnsi(printable(text), columns - width, { hard: true }).split('\n');
  return [label.padEnd(width) + first, ...rest.map((line) => ' '.repeat(width) + line)].join('\n');
}

function tableLines(results: Results, screen: Screen): string[] {
  const { telling, same } = tellingRows(comparisonRows(results));
  const { dim } = picocolors.createColors(screen.isColoured);
  return [
    '',
    ...columnsText(telling, screen),
    dim(wrapAnsi(legend(results), screen.columns)),
    ...(same === '' ? [] : [labelled('the same for all:', same, screen, 18)]),
    '',
  ];
}

function legend({ policies, seeds }: Results): string {
  if (policies.length === 1) return 'one policy: nothing to compare it with';
  const marks = `✓ better, ✗ worse than ${policies[0].policy}`;
  return seeds.length === 1
    ? `${marks}; one seed, so that nothing is known of the spread`
    : `${marks}, ~ ranges overlap; a..b: range over ${seeds.length} seeds`;
}

const rankingLines = (results: Results, screen: Screen): string[] => {
  const { table, notes } = rankingText(results, screen);
  return [table, ...notes.map((note) => labelled('ranking:', note, screen, 9))];
};
