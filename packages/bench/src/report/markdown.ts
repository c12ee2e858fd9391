import { markdownTable } from 'markdown-table';
import type { Comparison } from '../compare/compare.ts';
import { hasColumns, isRanked, rankingTable } from './ranking-table.ts';
import { comparisonRows, describe, isShown, notesOf } from './rows.ts';

/** The comparison as Markdown: renders on a forge, reads as plain text in a mail. */
export function comparisonMarkdown(comparison: Comparison, command: string): string {
  const policies = comparison.policies.map(({ policy }) => policy);
  const table = markdownTable(
    [
      ['', ...policies],
      ...comparisonRows(comparison).map((row) => [
        row.label,
        ...row.cells.map((cell) =>
          [cell.value, cell.change, cell.range && `(${cell.range})`]
            .filter((part) => part !== undefined)
            .join(' '),
        ),
      ]),
    ],
    { align: ['l', ...policies.map(() => 'r')] },
  );
  const [baseline] = comparison.policies;
  const formulas = baseline.metrics
    .filter(({ metric }) => isShown(metric, comparison.input))
    .map(({ metric }) => `- **${metric.label}**: ${metric.formula}`);
  const hashes = comparison.policies.map(
    ({ policy, runs }) => `- \`${policy}\`: ${runs[0].events} events, state hash \`${runs[0].stateHash}\``,
  );
  const notes = notesOf(comparison).map((note) => `- ${note}`);
  return [
    `# ${comparison.input.name}: pool policies compared`,
    '',
    ...describe(comparison).map(([label, text]) => `- ${label}: ${text}`),
    '',
    ...(hasColumns(comparison)
      ? [table, '', '![splits, host calls and shared-idle memory by policy](comparison.svg)', '']
      : []),
    ...(isRanked(comparison) ? rankingLines(comparison) : []),
    ...(notes.length > 0 ? ['## What to know', '', ...notes, ''] : []),
    '## Formulas',
    '',
    ...formulas,
    '',
    `## Event logs (seed ${baseline.runs[0].seed})`,
    '',
    ...hashes,
    '',
    `Reproduce with \`${command}\`.`,
    '',
  ].join('\n');
}

function rankingLines(comparison: Comparison): string[] {
  const { head, rows, notes } = rankingTable(comparison);
  const table = markdownTable(
    [[...head], ...rows.map((row) => row.map((cell) => cell.replaceAll('\n', ', ')))],
    {
      align: head.map((_, index) => (index === 1 ? 'l' : 'r')),
    },
  );
  return ['## Ranking', '', table, '', ...notes.map((note) => `- ${note}`), ''];
}
