/** The cost of conversions under weights that the reader sets. */
import { html } from '../escape.ts';
import { figureMarkup } from '../figure-markup.ts';
import { COMPONENTS } from '../figures/cost-weights.ts';
import { moreThanShown, shownPolicies } from '../figures/shown-policies.ts';
import type { PageSection } from './section.ts';

export const costSection: PageSection = {
  id: 'cost',
  title: 'Cost of conversions under assumed weights',
  link: 'Cost',
  body: ({ results, figures: [figure], prefix }) =>
    figure &&
    html`<p class="intro"><strong>No measured conversion latency is public: this is arithmetic on assumptions, not a prediction.</strong> The weights below are round numbers without a measured source. Set your own. ${moreThanShown(results, shownPolicies(results))}</p>
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
};
