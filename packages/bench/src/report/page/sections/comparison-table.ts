/** The comparison as a table: a column for each policy, or, for more policies than fit in columns, a row for each. */
import type { Metric } from '../../../metrics/metric.ts';
import { hasColumns } from '../../has-columns.ts';
import type { Results } from '../../results.ts';
import { allRowsOf, type Cell, chosenRowsOf, type Row } from '../../rows.ts';
import { type Content, type Html, html } from '../escape.ts';
import { policyStyle } from '../palette.ts';
import { headRow, policyName, rowsToggle, scrolledTable, swatch } from '../words.ts';

export function comparisonTable(results: Results, id: string): Html {
  return html`${hasColumns(results) ? byMetric(results, id) : byPolicy(results)}
<p class="legend">${results.seeds.length === 1 ? 'Values of one seed.' : `Medians over ${results.seeds.length} seeds; below them the smallest and the largest value, if they differ.`} Changes are against ${policyName(results.policies[0].policy)}: <span class="better">\u2713</span> better, <span class="worse">\u2717</span> worse, <span class="noise">~</span> the ranges over the seeds overlap, = the same.</p>`;
}

function byMetric(results: Results, id: string): Html {
  const { policies } = results;
  const chosen = chosenRowsOf(results);
  const ids = new Set(chosen.map(({ metric }) => metric.id));
  const more = allRowsOf(results).filter(({ metric }) => !ids.has(metric.id));
  const table = scrolledTable({
    label: 'Comparison table',
    caption: 'Policies compared, a row for each metric',
    classes: 'comparison',
    id,
    head: headRow([
      html`<span class="sr">metric</span>`,
      ...policies.map(
        ({ policy, isBaseline }, place) =>
          html`${isBaseline && html`<small>baseline</small>`}${policyName(policy)}${swatch(policyStyle(place))}`,
      ),
    ]),
    rows: [...chosen.map((row) => rowMarkup(row, '')), ...more.map((row) => rowMarkup(row, 'more'))],
  });
  return html`${table}
${more.length > 0 && rowsToggle(id, chosen.length + more.length)}`;
}

const rowMarkup = ({ metric, cells }: Row, kind: '' | 'more'): Html =>
  html`<tr${kind !== '' && html` class="${kind}"`}><th scope="row" title="${metric.formula}">${metric.label}</th>${cells.map((cell) => cellMarkup(metric, cell))}</tr>
`;

/** Only the chosen rows, as columns: results.json has the others. */
function byPolicy(results: Results): Html {
  const { policies, ranking } = results;
  const columns = chosenRowsOf(results);
  const places = new Map(policies.map(({ policy }, place) => [policy, place]));
  const order = [
    ...ranking.ranked.flatMap((group) =>
      group.policies.map((policy) => ({ policy, front: String(group.front) })),
    ),
    ...ranking.refused.map((policy) => ({ policy, front: 'refused' })),
  ];
  return scrolledTable({
    label: 'Comparison table',
    caption: 'Policies compared, a row for each policy, best ranked first',
    classes: 'comparison by-policy',
    isTall: true,
    head: html`<tr><th scope="col">policy</th><th scope="col">front</th>${columns.map(({ metric }) => html`<th scope="col" title="${metric.formula}">${metric.label}</th>`)}</tr>`,
    rows: order.map(({ policy, front }) => {
      const place = places.get(policy) ?? 0;
      return html`<tr><th scope="row">${policyName(policy)}${place === 0 && html` <small>baseline</small>`}</th><td>${front}</td>${columns.map(({ metric, cells }) => cellMarkup(metric, cells[place]))}</tr>
`;
    }),
  });
}

const cellMarkup = (metric: Metric, cell: Cell): Html =>
  html`<td data-metric="${metric.id}" data-policy="${cell.policy}" data-value="${Number.isNaN(cell.spread.median) ? '' : cell.spread.median}"><span class="value">${cell.value}</span>${changeMarkup(cell)}${cell.range !== undefined && html`<small>${cell.range}</small>`}</td>`;

export function changeMarkup({
  change,
  isBetter,
  isNoise,
}: Pick<Cell, 'change' | 'isBetter' | 'isNoise'>): Content {
  if (change === undefined) return undefined;
  if (change === '=') return html` <span class="change">=</span>`;
  const [kind, mark, words] = changeWords(isBetter, isNoise);
  return html` <span class="change ${kind}">${change.replace(/^-/, '\u2212')}${mark !== '' && html`<span aria-hidden="true">\u00a0${mark}</span><span class="sr"> ${words}</span>`}</span>`;
}

function changeWords(isBetter: boolean | undefined, isNoise: boolean | undefined): readonly string[] {
  if (isNoise === true) return ['noise', '~', 'the ranges over the seeds overlap'];
  if (isBetter === undefined) return ['', '', ''];
  return isBetter ? ['better', '\u2713', 'better'] : ['worse', '\u2717', 'worse'];
}
