import { shortPolicyName } from '@decpool/pool/policy-names';
import picocolors from 'picocolors';
import { present } from '../text/listed.ts';
import { printable } from '../text/printable.ts';
import type { Screen } from '../text/screen.ts';
import { hanging, wrap } from '../text/wrap.ts';
import { hasColumns } from './has-columns.ts';
import type { OverallVerdict } from './overall-verdict.ts';
import { isRanked, rankingText } from './ranking-table.ts';
import type { Results } from './results.ts';
import { chosenRowsOf, equalText, foldedRows, type Row } from './rows.ts';
import { runText } from './run-text.ts';
import { tableText } from './table-text.ts';
import { phraseText, rankingRule, verdictOf } from './verdict.ts';

/** Labels of lines about results: `written`, `check`. */
const LABEL_WIDTH = 13;

interface ComparisonScreen extends Screen {
  readonly hasRanges?: boolean;
}

/** One input: what was run, the verdict, and a row per metric that differs. Ends with a line break. */
export function comparisonText(results: Results, screen: ComparisonScreen): string {
  const { bold } = picocolors.createColors(screen.isColoured);
  const { lead } = verdictOf(results);
  const { telling, equal } = foldedRows(chosenRowsOf(results));
  const ranking = isRanked(results) ? rankingText(results, screen) : [];
  const isTable = hasColumns(results) && results.policies.length > 1;
  return `${[
    ...linesFor(runText(results), screen).map(bold),
    ...linesFor(lead.map(phraseText).join(' '), screen),
    ...(results.policies.length === 1 ? ['', ...tableText(chosenRowsOf(results), screen)] : []),
    ...(isTable ? tableLines(telling, equal, screen) : []),
    ...(ranking.length === 0 ? [] : ['', ...ranking]),
    ...results.cautions.map((caution) => labelled('note:', caution, screen, 6)),
  ].join('\n')}\n`;
}

const linesFor = (text: string, { columns }: Screen): string[] => wrap(printable(text), columns);

function tableLines(telling: readonly Row[], equal: readonly Row[], screen: ComparisonScreen): string[] {
  if (telling.length === 0) return ['No row tells the policies apart.'];
  const { dim } = picocolors.createColors(screen.isColoured);
  const equalLines = equal.length === 0 ? [] : linesFor(`equal for all: ${equalText(equal)}`, screen);
  return ['', ...tableText(telling, screen), ...equalLines.map(dim)];
}

/** The verdict over all inputs, and what the tables' marks mean: once, at the end. */
export function closingText(
  all: readonly Results[],
  overall: OverallVerdict | undefined,
  screen: Screen,
): string {
  const { bold, dim } = picocolors.createColors(screen.isColoured);
  const lines = [
    ...(overall === undefined ? [] : linesFor(overall.lead.map(phraseText).join(' '), screen).map(bold)),
    ...linesFor(legend(all), screen).map(dim),
  ];
  return `${lines.join('\n')}\n`;
}

function legend(all: readonly Results[]): string {
  const [{ policies, seeds }] = all;
  if (policies.length === 1) return 'One policy: nothing to compare it with.';
  const baseline = shortPolicyName(policies[0].policy);
  const marks = `✓ better, ✗ worse, = equal${seeds.length === 1 ? '' : ', ~ ranges over the seeds overlap'}`;
  const ranked = all.find((results) => verdictOf(results).outcome === 'best');
  return present([
    hasColumns(all[0]) && `Change against ${baseline}: ${marks}.`,
    seeds.length === 1 ? 'One seed: no spread.' : `Medians over ${seeds.length} seeds.`,
    ranked && `Best: ${rankingRule(ranked)}.`,
  ]).join(' ');
}

export const labelled = (label: string, text: string, { columns }: Screen, width = LABEL_WIDTH): string =>
  hanging(label.padEnd(width), wrap(printable(text), columns - width)).join('\n');
