/** The cost of conversions under weights that the reader sets. */
import type { Results } from '../../results.ts';
import { type Html, html } from '../escape.ts';
import { figureMarkup } from '../figure-markup.ts';
import { COMPONENTS } from '../figures/cost-weights.ts';
import type { Figure } from '../figures/figure.ts';
import { moreThanShown, shownPolicies } from '../figures/shown-policies.ts';
import { section } from '../words.ts';

export const costSection = (results: Results, figure: Figure, prefix: string): Html =>
  section({
    id: `${prefix}-cost`,
    title: 'Cost of conversions under assumed weights',
    body: html`<p class="intro"><strong>No measured conversion latency is public: this is arithmetic on assumptions, not a prediction.</strong> The weights below are round numbers without a measured source. Set your own. ${moreThanShown(results, shownPolicies(results))}</p>
<form class="weights">
<fieldset><legend>Assumed ns each</legend>
${COMPONENTS.map(
  ({ id, label, assumedNs }) =>
    html`<div><label for="${prefix}-weight-${id}">${label}</label><input type="number" id="${prefix}-weight-${id}" data-weight="${id}" min="0" step="any" value="${assumedNs}" inputmode="decimal"></div>`,
)}
<button type="reset" class="scripted">Reset</button></fieldset>
</form>
${figureMarkup(figure, { prefix, width: 980, frame: 0 })}
`,
  });
