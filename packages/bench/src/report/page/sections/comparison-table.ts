/** The comparison as a table: metrics as rows while there is room for a column for each policy; policies as rows beyond. */
import type { Metric } from '../../../metrics/metric.ts';
import { hasColumns } from '../../has-columns.ts';
import type { Results } from '../../results.ts';
import { allRowsOf, type Cell, type Row } from '../../rows.ts';
import { type Content, type Html, html } from '../escape.ts';
import { policyName, swatch } from '../words.ts';

/** What is shown first. */
const KEY: ReadonlySet<string> = new Set([
  'splits-2m',
  'splits-1g',
  'direct-map-4k',
  'blocks-peak',
  'mixed-peak',
  'host-calls',
  'full-flushes',
  'pages-converted',
  'shared-idle-peak',
  'shared-idle-byte-seconds',
  'internal-fragmentation',
  'failures',
  'leaked',
  'blocks-peak-ratio',
]);

export function comparisonTable(results: Results, id: string): Html {
  const rows = allRowsOf(results);
  return html`${hasColumns(results) ? byMetric(results, rows, id) : byPolicy(results, rows)}
<p class="legend">Median over ${results.seeds.length === 1 ? 'one seed' : `${results.seeds.length} seeds`}, and below it the smallest and the largest where they differ; the change is against ${policyName(results.policies[0].policy)}. <span class="better">\u2713</span> better, <span class="worse">\u2717</span> worse, <span class="noise">~</span> the ranges over the seeds overlap, = the same.</p>`;
}

function byMetric({ policies }: Results, rows: readonly Row[], id: string): Html {
  const hasMore = rows.some(({ metric }) => !KEY.has(metric.id));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Comparison table">
<table class="comparison" id="${id}">
<caption class="sr">Policies compared, a row for each metric</caption>
<thead><tr><th scope="col"><span class="sr">metric</span></th>${policies.map(
    ({ policy, isBaseline }, place) =>
      html`<th scope="col">${isBaseline && html`<small>baseline</small>`}${policyName(policy)}${swatch(place)}</th>`,
  )}</tr></thead>
<tbody>${rows.map(
    ({ metric, cells }) =>
      html`<tr${!KEY.has(metric.id) && html` class="more"`}><th scope="row" title="${metric.formula}">${metric.label}</th>${cells.map((cell) => cellMarkup(metric, cell))}</tr>
`,
  )}</tbody>
</table></div>
${hasMore && html`<p class="toggle scripted"><button type="button" aria-expanded="false" aria-controls="${id}" data-rows="${rows.length}">Show all ${rows.length} rows</button></p>`}`;
}

/** As many as can be read: the ranking comes first, and results.json has all. */
function byPolicy({ policies, ranking }: Results, rows: readonly Row[]): Html {
  const columns = rows.filter(({ metric }) => KEY.has(metric.id));
  const places = new Map(policies.map(({ policy }, place) => [policy, place]));
  const order = [
    ...ranking.ranked.flatMap((group) =>
      group.policies.map((policy) => ({ policy, front: String(group.front) })),
    ),
    ...ranking.refused.map((policy) => ({ policy, front: 'refused' })),
  ];
  return html`<div class="scroll tall" tabindex="0" role="region" aria-label="Comparison table">
<table class="comparison by-policy">
<caption class="sr">Policies compared, a row for each policy, best ranked first</caption>
<thead><tr><th scope="col">policy</th><th scope="col">front</th>${columns.map(({ metric }) => html`<th scope="col" title="${metric.formula}">${metric.label}</th>`)}</tr></thead>
<tbody>${order.map(({ policy, front }) => {
    const place = places.get(policy) ?? 0;
    return html`<tr><th scope="row">${policyName(policy)}${place === 0 && html` <small>baseline</small>`}</th><td>${front}</td>${columns.map(({ metric, cells }) => cellMarkup(metric, cells[place]))}</tr>
`;
  })}</tbody>
</table></div>`;
}

const cellMarkup = (metric: Metric, cell: Cell): Html =>
  html`<td data-metric="${metric.id}" data-policy="${cell.policy}" data-value="${cell.spread.median}"><span class="value">${cell.value}</span>${changeMarkup(cell)}${cell.range !== undefined && html`<small>${cell.range}</small>`}</td>`;

export function changeMarkup({
  change,
  isBetter,
  isNoise,
}: Pick<Cell, 'change' | 'isBetter' | 'isNoise'>): Content {
  if (change === undefined) return undefined;
  if (change === '=') return html` <span class="change">=</span>`;
  const [kind, mark, words] =
    isNoise === true
      ? ['noise', '~', 'the ranges over the seeds overlap']
      : isBetter === undefined
        ? ['', '', '']
        : isBetter
          ? ['better', '\u2713', 'better']
          : ['worse', '\u2717', 'worse'];
  return html` <span class="change ${kind}">${change.replace(/^-/, '\u2212')}${mark !== '' && html`<span aria-hidden="true">\u00a0${mark}</span><span class="sr"> ${words}</span>`}</span>`;
}
