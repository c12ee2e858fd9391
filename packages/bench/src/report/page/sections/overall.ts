/** The verdict over all inputs of the page, and a line for each of them. */
import type { OverallVerdict } from '../../overall-verdict.ts';
import type { Results } from '../../results.ts';
import { type Difference, differenceText, type Verdict, verdictOf } from '../../verdict.ts';
import { type Html, html } from '../escape.ts';
import { headRow, phrase, policyName, scrolledTable } from '../words.ts';

export const overallSection = (
  { lead }: OverallVerdict,
  all: readonly Results[],
  prefixes: readonly string[],
): Html => html`<section class="overall" id="overall" aria-labelledby="overall-title">
<h2 id="overall-title">Verdict over all inputs</h2>
${lead.map((each) => html`<p class="lead">${phrase(each)}</p>`)}
${scrolledTable({
  label: 'Best policy of each input',
  caption: 'Best policy of each input, with its gains and its price',
  classes: 'verdicts',
  head: headRow(['input', 'best policy', 'gains', 'price']),
  rows: all.map((results, index) => inputRow(results, prefixes[index])),
})}
</section>
`;

function inputRow(results: Results, prefix: string): Html {
  const { outcome, best, gains, prices } = verdictOf(results);
  const [gainsText, pricesText] =
    outcome === 'best' && isServed(results)
      ? [listText(gains), listText(prices)]
      : [WITHOUT_GAINS[outcome], ''];
  return html`<tr data-input="${results.input.name}"><th scope="row"><a href="#${prefix}">${results.input.name}</a></th><td>${best !== undefined && policyName(best)}</td><td>${gainsText}</td><td>${pricesText}</td></tr>
`;
}

/** Whether the baseline served every request: otherwise no figure can be compared with its own. */
const isServed = ({ policies: [baseline], ranking }: Results): boolean =>
  !ranking.refused.includes(baseline.policy);

const listText = (differences: readonly Difference[]): string =>
  differences.length === 0 ? 'none' : differences.map(differenceText).join(', ');

const WITHOUT_GAINS: Readonly<Record<Verdict['outcome'], string>> = {
  best: 'the baseline refused requests',
  baseline: 'it is the baseline',
  same: 'all policies are ranked the same',
  refused: 'every policy refused requests',
  alone: 'only one policy was run',
  'nothing shared': 'no confidential VM: nothing is shared',
};
