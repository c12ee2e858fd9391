/** The ranking as rows of text, whatever it is printed on. */
import Table from 'cli-table3';
import { printable } from '../cli/printable.ts';
import type { RankedPolicies } from '../compare/ranking.ts';
import type { Metric } from '../metrics/metric.ts';
import { hasColumns } from './has-columns.ts';
import type { Results } from './results.ts';
import type { Screen } from './screen.ts';
import { formatValue } from './units.ts';

/** Whether the comparison is shown as a ranking too. */
export const isRanked = (results: Results): boolean => !hasColumns(results) || results.ranking.isParetoWanted;

export interface RankingTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What was ranked and what was not, one sentence each. */
  readonly notes: readonly string[];
}

/** Where only the policies that no other dominates are wanted, these. Of those with the same figures, the first `mostNames` are named. */
export function rankingTable({ ranking, metrics }: Results, mostNames: number): RankingTable {
  const { ranked, isParetoWanted } = ranking;
  const shown = isParetoWanted ? ranked.filter(({ front }) => front === 1) : ranked;
  const objectives = ranking.objectives.flatMap((wanted) => metrics.filter(({ id }) => id === wanted));
  return {
    head: ['front', 'policy', ...objectives.map(({ label }) => label)],
    rows: shown.map((row) => [
      String(row.front),
      namesText(row.policies, mostNames),
      ...row.values.map((value, index) => formatValue(value, objectives[index].unit)),
    ]),
    notes: notesOf(objectives, ranking, shown),
  };
}

/** Names of policies with the same figures that a row has room for. */
const MOST_NAMES = 3;
/** Characters that names get at least, with margins. */
const LEAST_NAMES = 24;

/** The ranking in characters; names are broken where they do not fit. */
export function rankingText(
  results: Results,
  { columns }: Screen,
): { readonly table: string; readonly notes: readonly string[] } {
  const { head, rows, notes } = rankingTable(results, MOST_NAMES);
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].flatMap((row) => row[column].split('\n').map(({ length }) => length + 2))),
  );
  const others = widths.reduce((sum, width) => sum + width + 1, 1) - widths[1];
  const names = Math.max(LEAST_NAMES, Math.min(widths[1], columns - others));
  const table = new Table({
    head: [...head],
    colWidths: [null, names],
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, index) => (index === 1 ? 'left' : 'right')),
  });
  table.push(...rows.map((row) => [...row]));
  return { table: table.toString(), notes };
}

/** Baselines and short names come first in a comparison, so that the first names say most. */
function namesText(policies: readonly string[], most: number): string {
  const named = policies.slice(0, most).map(printable).join('\n');
  return policies.length > most ? `${named}\nand ${policies.length - most} more` : named;
}

function notesOf(
  objectives: readonly Metric[],
  { ranked, refused, isParetoWanted }: Results['ranking'],
  shown: readonly RankedPolicies[],
): string[] {
  const count = (rows: readonly RankedPolicies[]) =>
    rows.reduce((sum, { policies }) => sum + policies.length, 0);
  const labels = objectives.map(({ label }) => label).join(', ');
  return [
    `front 1: no policy is at least as good in ${labels} and better in one; front 2: only those of front 1 are, and so on; in one front by the mean place`,
    `policies with the same figures share a row; medians over the seeds; results.json has every policy`,
    ...(isParetoWanted ? [`${count(shown)} of ${count(ranked)} policies are not dominated`] : []),
    ...(refused.length === 0
      ? []
      : [
          `not ranked, because they refused requests: ${refused.slice(0, 12).join(', ')}${refused.length > 12 ? ` and ${refused.length - 12} more` : ''}`,
        ]),
  ];
}
