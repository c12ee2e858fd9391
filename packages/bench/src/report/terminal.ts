import Table from 'cli-table3';
import picocolors from 'picocolors';
import type { Comparison } from '../compare/compare.ts';
import { hasColumns, isRanked, rankingTable } from './ranking-table.ts';
import { type Cell, comparisonRows, describe, notesOf } from './rows.ts';

/** The comparison as a terminal shows it. Colour only where `colour` says so; the signs tell the same. */
export function comparisonText(comparison: Comparison, colour: boolean): string {
  const facts = describe(comparison).map(([label, text]) => `${label.padEnd(12)} ${text}`);
  const notes = notesOf(comparison).map((note) => `note: ${note}`);
  return [
    ...facts,
    ...(hasColumns(comparison) ? [columnsText(comparison, colour)] : []),
    ...(isRanked(comparison) ? [rankingText(comparison)] : []),
    ...notes,
    '',
  ].join('\n');
}

function rankingText(comparison: Comparison): string {
  const { head, rows, notes } = rankingTable(comparison);
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, index) => (index === 1 ? 'left' : 'right')),
  });
  table.push(...rows.map((row) => [...row]));
  return [table.toString(), ...notes.map((note) => `ranking: ${note}`)].join('\n');
}

function columnsText(comparison: Comparison, colour: boolean): string {
  const table = new Table({
    head: ['', ...comparison.policies.map(({ policy }) => policy.replaceAll('+', '\n+'))],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', ...comparison.policies.map(() => 'right' as const)],
  });
  for (const row of comparisonRows(comparison)) {
    table.push([row.label, ...row.cells.map((cell) => cellText(cell, colour))]);
  }
  return table.toString();
}

function cellText(cell: Cell, colour: boolean): string {
  const lines = [[cell.value, paint(cell, colour)].filter((part) => part !== '').join('  ')];
  if (cell.range !== undefined) lines.push(cell.range);
  return lines.join('\n');
}

function paint(cell: Cell, colour: boolean): string {
  if (cell.change === undefined) return '';
  if (cell.isBetter === undefined) return cell.change;
  const { green, red } = picocolors.createColors(colour);
  return cell.isBetter ? green(cell.change) : red(cell.change);
}
