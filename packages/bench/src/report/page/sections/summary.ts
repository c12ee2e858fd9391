/** The verdict of an input, its table, and what was run. */
import { groupedBy } from '../../../text/groups.ts';
import { hasColumns } from '../../has-columns.ts';
import type { Results } from '../../results.ts';
import { verdictOf } from '../../verdict.ts';
import { type Content, type Html, html } from '../escape.ts';
import { figureMarkup } from '../figure-markup.ts';
import { phrase } from '../words.ts';
import { comparisonTable } from './comparison-table.ts';
import type { PageSection, SectionInput } from './section.ts';

/** Labels of the facts about the optimum, which have a list of their own. */
const BOUNDS = new Set(['bounds', 'lifetimes', 'worst case']);

export const summarySection: PageSection = { id: 'summary', title: 'Summary', body: summary };

function summary({ results, figures: [glance], prefix }: SectionInput): Html {
  const { lead, also } = verdictOf(results);
  const { cautions, notes } = results;
  const isBound = ([label]: readonly [string, string]) => BOUNDS.has(label);
  return html`${lead.map((each) => html`<p class="lead">${phrase(each)}</p>`)}
${cautions.length > 0 && html`<ul class="cautions" aria-label="Cautions">${cautions.map((caution) => html`<li>${caution}</li>`)}</ul>`}
${also.map((each) => html`<p class="also">${phrase(each)}</p>`)}
${glance !== undefined && figureMarkup(glance, { prefix, width: 980, frame: 0 })}
<h4>${hasColumns(results) ? 'Policies compared' : 'Policies, best ranked first'}</h4>
${comparisonTable(results, `${prefix}-comparison`)}
<div class="columns">
<div><h4>What was run</h4>${factList(results.facts.filter((fact) => !isBound(fact)))}</div>
<div><h4>How good it can get</h4>${factList(results.facts.filter(isBound))}${ratioNote(results)}</div>
</div>
${notes.length > 0 && html`<h4>What to know</h4><ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>`}
`;
}

function factList(facts: Results['facts']): Html {
  return html`<dl class="facts">${[...groupedBy(facts, ([label]) => label)].map(
    ([label, group]) => html`<div><dt>${label}</dt>${group.map(([, text]) => html`<dd>${text}</dd>`)}</div>`,
  )}</dl>`;
}

const ratioNote = ({ metrics }: Results): Content =>
  metrics.some(({ id }) => id === 'blocks-peak-ratio') &&
  html`<p class="legend">The table has each policy's distance from the lower bound: blocks peak / lower bound, and under all rows block-seconds / lower bound.</p>`;
