import { markdownTable } from 'markdown-table';
import { printable } from '../cli/printable.ts';
import { groupsThatFit } from './groups.ts';
import { hasColumns } from './has-columns.ts';
import { isRanked, rankingTable } from './ranking-table.ts';
import type { Results } from './results.ts';
import { type Cell, comparisonRows, isShown, type Row, tellingRows } from './rows.ts';
import { USUAL_COLUMNS } from './screen.ts';

/** Text that is none of ours, as text: neither its lines nor its marks mean anything. */
const plain = (text: string): string => printable(text).replace(/[\\`*[\]<>|]/g, '\\$&');

/** The comparison as Markdown: renders on a forge, and reads as plain text in a mail, where its tables fit in 100 columns. */
export function comparisonMarkdown(results: Results): string {
  const { input, policies, metrics, notes, requestedMetrics } = results;
  const formulas = metrics
    .filter((metric) => isShown(metric, requestedMetrics))
    .map(({ label, formula }) => `- **${plain(label)}**: ${printable(formula)}`);
  const hashes = policies.map(
    ({ policy, runs }) => `- \`${policy}\`: ${runs[0].events} events, state hash \`${runs[0].stateHash}\``,
  );
  return [
    `# ${plain(input.name)}: pool policies compared`,
    '',
    ...results.facts.map(([label, text]) => `- ${plain(label)}: ${plain(text)}`),
    '',
    ...(hasColumns(results) ? columnsLines(results) : []),
    ...(isRanked(results) ? rankingLines(results) : []),
    ...(notes.length > 0 ? ['## What to know', '', ...notes.map((note) => `- ${plain(note)}`), ''] : []),
    '## Formulas',
    '',
    ...formulas,
    '',
    `## Event logs (seed ${policies[0].runs[0].seed})`,
    '',
    ...hashes,
    '',
    `Reproduce with \`${results.command}\`.`,
    '',
  ].join('\n');
}

function columnsLines(results: Results): string[] {
  const { telling, same } = tellingRows(comparisonRows(results));
  return [
    ...(telling.length === 0 ? [] : tablesOf(telling)),
    ...(same === '' ? [] : [`The same for all: ${plain(same)}.`, '']),
    ...(results.policies.length === 1 ? [] : [legend(results), '']),
    '![splits, host calls and shared-idle memory by policy](comparison.svg)',
    '',
  ];
}

const legend = ({ policies, seeds }: Results): string =>
  `better or worse than ${policies[0].policy}${
    seeds.length === 1
      ? '; one seed, so that nothing is known of the spread'
      : `; ~: the ranges overlap; (a..b): range over ${seeds.length} seeds`
  }.`;

/** As many policies a table as fit in a mail, the baseline in each. Columns have numbers where two names are too long to stand side by side. */
function tablesOf(rows: readonly Row[]): string[] {
  const names = rows[0].cells.map(({ policy }) => policy);
  const named = tablesUnder(names, rows);
  if (named.every(isNarrow)) return named.flatMap(withGap);
  const numbers = names.map((_, index) => `(${index + 1})`);
  return [
    ...names.map((name, index) => `- ${numbers[index]}: ${name}`),
    '',
    ...tablesUnder(numbers, rows).flatMap(withGap),
  ];
}

const withGap = (table: string): string[] => [table, ''];
const isNarrow = (table: string): boolean => table.indexOf('\n') <= USUAL_COLUMNS;

function tablesUnder(heads: readonly string[], rows: readonly Row[]): string[] {
  const [baseline, ...others] = heads.keys();
  const tableOf = (group: readonly number[]) => table(heads, rows, [baseline, ...group]);
  return groupsThatFit(others, (group) => isNarrow(tableOf(group))).map(tableOf);
}

const table = (heads: readonly string[], rows: readonly Row[], policies: readonly number[]): string =>
  markdownTable(
    [
      ['', ...policies.map((policy) => heads[policy])],
      ...rows.map(({ metric, cells }) => [
        plain(metric.label),
        ...policies.map((policy) => cellText(cells[policy])),
      ]),
    ],
    { align: ['l', ...policies.map(() => 'r')] },
  );

const cellText = ({ value, change, range, isBetter, isNoise }: Cell): string =>
  [
    value,
    change,
    isNoise === true ? '~' : isBetter === undefined ? undefined : isBetter ? 'better' : 'worse',
    range && `(${range})`,
  ]
    .filter((part) => part !== undefined)
    .join(' ');

function rankingLines(results: Results): string[] {
  const { head, rows, notes } = rankingTable(results, 1);
  const table = markdownTable(
    [[...head], ...rows.map((row) => row.map((cell) => cell.replaceAll('\n', ', ')))],
    {
      align: head.map((_, index) => (index === 1 ? 'l' : 'r')),
    },
  );
  return ['## Ranking', '', table, '', ...notes.map((note) => `- ${note}`), ''];
}
