/** More policies than fit in columns, as a ranking: a line per group of policies with the same figures. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { compactUnit, compactValue } from '../text/compact.ts';
import { filledLines } from '../text/groups.ts';
import { printable } from '../text/printable.ts';
import type { Screen } from '../text/screen.ts';
import { hanging, wrap } from '../text/wrap.ts';
import { hasColumns } from './has-columns.ts';
import { namedMetrics } from './named-metrics.ts';
import type { Results } from './results.ts';
import { NO_VALUE } from './rows.ts';
import { compactLabel } from './short-labels.ts';
import { objectiveNames } from './verdict.ts';

export const isRanked = (results: Results): boolean => !hasColumns(results) || results.ranking.isParetoWanted;

/** Groups of policies that are shown by default, and the policies of each that are named. */
const GROUPS_SHOWN = 20;
const NAMES_SHOWN = 2;
const GAP = '  ';
/** Characters that names get at least, and those of a name without a better place to break it. */
const NARROWEST_NAMES = 16;
const LONGEST_PART = /.{1,16}/gsu;

/** Empty if no policy is ranked. `most`: groups that are shown; that of the baseline always is. --pareto: the first front alone. */
export function rankingText(results: Results, { columns }: Screen, most = GROUPS_SHOWN): string[] {
  const { ranking, policies } = results;
  const { ranked, isParetoWanted } = ranking;
  if (ranked.length === 0) return [];
  const baseline = policies[0].policy;
  const wanted = isParetoWanted ? ranked.filter(({ front }) => front === 1) : ranked;
  const shown = wanted.filter((group, place) => place < most || group.policies.includes(baseline));
  const metrics = columnsOf(results);
  const medians = shown.map(({ policies: [first] }) => {
    const found = policies.find(({ policy }) => policy === first);
    return metrics.map(({ id }) => found?.metrics[id]?.median ?? Number.NaN);
  });
  const units = metrics.map(({ unit }, index) =>
    compactUnit(
      unit,
      medians.map((values) => values[index]).filter((value) => !Number.isNaN(value)),
    ),
  );
  const table = [
    ['front', ...metrics.map((metric, index) => compactLabel(metric, units[index])), 'policy'],
    ...shown.map(({ front, policies: names }, place) => [
      String(front),
      ...medians[place].map((value, index) =>
        Number.isNaN(value) ? NO_VALUE : compactValue(value, units[index]),
      ),
      namesText(names, baseline),
    ]),
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const more = wanted.length - shown.length;
  return [
    ...table.flatMap((row) => lineOf(row, widths, columns)),
    ...(more === 0 ? [] : [`${more} more in results.json.`]),
    ...wrap(
      isParetoWanted
        ? `${wanted.flatMap((group) => group.policies).length} of ${policies.length} policies are on the Pareto front.`
        : `Front 1: no policy is at least as good in ${objectiveNames(results)} and better in one.`,
      columns,
    ),
  ];
}

/** What policies are ranked by; the chosen rows if they are not the usual ten. */
function columnsOf({ ranking, rows, metrics }: Results): Results['metrics'] {
  const isUsual = rows.join() === KEY_METRICS.join();
  return namedMetrics(metrics, isUsual ? ranking.objectives : rows);
}

/** Numbers to the right; the policies' names, which are long, stand last and may take several lines. */
function lineOf(row: readonly string[], widths: readonly number[], columns: number): string[] {
  const last = row.length - 1;
  const numbers = row
    .slice(0, last)
    .map((cell, column) => cell.padStart(widths[column]))
    .join(GAP);
  const room = Math.max(NARROWEST_NAMES, columns - numbers.length - GAP.length);
  const parts = row[last].split(/(?=\+)|(?<= )/).flatMap((part) => part.match(LONGEST_PART) ?? []);
  return hanging(numbers + GAP, filledLines(parts, room)).map((line) => line.trimEnd());
}

function namesText(policies: readonly string[], baseline: string): string {
  const sorted = [...policies].sort((a, b) => Number(b === baseline) - Number(a === baseline));
  const names = sorted
    .slice(0, NAMES_SHOWN)
    .map((policy) => `${printable(shortPolicyName(policy))}${policy === baseline ? ' (baseline)' : ''}`);
  const more = policies.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
