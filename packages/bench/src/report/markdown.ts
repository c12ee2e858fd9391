import { markdownTable } from 'markdown-table';
import type { Comparison } from '../compare/compare.ts';
import { comparisonRows, describe, notesOf } from './rows.ts';

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
  const formulas = baseline.metrics.map(({ metric }) => `- **${metric.label}**: ${metric.formula}`);
  const hashes = comparison.policies.map(
    ({ policy, runs }) => `- \`${policy}\`: ${runs[0].events} events, state hash \`${runs[0].stateHash}\``,
  );
  const notes = notesOf(comparison).map((note) => `- ${note}`);
  return [
    `# ${comparison.input.name}: pool policies compared`,
    '',
    ...describe(comparison).map(([label, text]) => `- ${label}: ${text}`),
    '',
    table,
    '',
    '![splits, host calls and shared-idle memory by policy](comparison.svg)',
    '',
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
