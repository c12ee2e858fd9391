/** The ranking as rows of text, whatever it is printed on. */
import type { Comparison } from '../compare/compare.ts';
import { type RankedPolicies, type Ranking, rank } from '../compare/ranking.ts';
import { formatValue } from './units.ts';

/** A table with a column for each policy becomes too wide to read beyond so many. */
const MOST_COLUMNS = 8;

/** Whether a table has a column for each policy: beyond some the ranking says more. */
export const hasColumns = ({ policies }: Comparison): boolean => policies.length <= MOST_COLUMNS;

/** Whether the comparison is shown as a ranking too. */
export const isRanked = (comparison: Comparison): boolean =>
  !hasColumns(comparison) || comparison.input.isParetoWanted === true;

export interface RankingTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What was ranked and what was not, one sentence each. */
  readonly notes: readonly string[];
}

/** Names of policies with the same figures that a row has room for. */
const MOST_NAMES = 3;

/** With `isParetoWanted` of the input, only the policies that no other dominates. */
export function rankingTable(comparison: Comparison): RankingTable {
  const ranking = rank(comparison);
  const { isParetoWanted = false } = comparison.input;
  const shown = isParetoWanted ? ranking.ranked.filter(({ front }) => front === 1) : ranking.ranked;
  return {
    head: ['front', 'policy', ...ranking.objectives.map(({ label }) => label)],
    rows: shown.map((row) => [
      String(row.front),
      namesText(row.policies),
      ...row.values.map((value, index) => formatValue(value, ranking.objectives[index].unit)),
    ]),
    notes: notesOf(ranking, shown, isParetoWanted),
  };
}

/** Baselines and short names come first in a comparison, so that the first names say most. */
function namesText(policies: readonly string[]): string {
  const named = policies.slice(0, MOST_NAMES).join('\n');
  return policies.length > MOST_NAMES ? `${named}\nand ${policies.length - MOST_NAMES} more` : named;
}

function notesOf(
  { objectives, ranked, refused }: Ranking,
  shown: readonly RankedPolicies[],
  isPareto: boolean,
) {
  const count = (rows: readonly RankedPolicies[]) =>
    rows.reduce((sum, { policies }) => sum + policies.length, 0);
  const labels = objectives.map(({ label }) => label).join(', ');
  return [
    `front 1: no policy is at least as good in ${labels} and better in one; front 2: only those of front 1 are, and so on; in one front by the mean place`,
    `policies with the same figures share a row; medians over the seeds; results.json has every policy`,
    ...(isPareto ? [`${count(shown)} of ${count(ranked)} policies are not dominated`] : []),
    ...(refused.length === 0
      ? []
      : [
          `not ranked, because they refused requests: ${refused.slice(0, 12).join(', ')}${refused.length > 12 ? ` and ${refused.length - 12} more` : ''}`,
        ]),
  ];
}
