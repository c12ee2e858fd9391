/** The figures that changed since an older run. */
import type { Against } from '../../against.ts';
import { valueText } from '../../rows.ts';
import { type Html, html } from '../escape.ts';
import { headRow, policyName, scrolledTable } from '../words.ts';
import { changeMarkup } from './comparison-table.ts';
import type { PageSection } from './section.ts';

const ROWS_SHOWN = 400;

export const againstSection: PageSection = {
  id: 'against',
  title: 'Against an older run',
  body: ({ input }) => input.against && changes(input.against),
};

function changes({ deltas, differences, onlyNow, onlyBefore }: Against): Html {
  const changed = deltas.filter(({ before, now }) => before.median !== now.median);
  const judged = changed.filter(({ isNoise }) => isNoise !== true);
  const worse = judged.filter(({ isBetter }) => isBetter === false).length;
  const better = judged.filter(({ isBetter }) => isBetter === true).length;
  const shown = changed.slice(0, ROWS_SHOWN);
  return html`<p class="intro">${
    changed.length === 0
      ? `Both runs have ${deltas.length} figures in common. None changed.`
      : `Both runs have ${deltas.length} figures in common. ${changed.length} changed: ${better} are better, ${worse} are worse, ${changed.length - better - worse} are neither or within the spread over the seeds.`
  }</p>
${differences.length > 0 && html`<p class="missing">Not only the code differs: ${differences.join('; ')}.</p>`}
${onlyNow.length > 0 && html`<p class="legend">Policies only in this run: ${onlyNow.join(', ')}.</p>`}
${onlyBefore.length > 0 && html`<p class="legend">Policies only in the older run: ${onlyBefore.join(', ')}.</p>`}
${
  shown.length > 0 &&
  scrolledTable({
    label: 'Figures that changed',
    classes: 'against',
    isTall: true,
    head: headRow(['policy', 'metric', 'before', 'now', 'change']),
    rows: shown.map(
      (delta) =>
        html`<tr><th scope="row">${policyName(delta.policy)}</th><td>${delta.metric.label}</td><td>${valueText(delta.before.median, delta.metric)}</td><td data-metric="${delta.metric.id}" data-policy="${delta.policy}" data-value="${delta.now.median}">${valueText(delta.now.median, delta.metric)}</td><td>${changeMarkup(delta)}</td></tr>
`,
    ),
  })
}
${changed.length > shown.length && html`<p class="legend">The first ${shown.length} of ${changed.length} changed figures.</p>`}
`;
}
