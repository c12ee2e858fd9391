/** The charts over time, with their legend and the controls of their zoom. */
import { html } from '../escape.ts';
import { figureMarkup } from '../figure-markup.ts';
import type { LoggedInput } from '../figures/figure.ts';
import { styledRuns } from '../figures/runs.ts';
import { timeFigures } from '../figures/time-figures.ts';
import { policyName, swatch } from '../words.ts';
import type { PageSection } from './section.ts';

export const overTimeSection: PageSection = {
  id: 'time',
  title: 'Over time',
  body: ({ logged, figures, prefix }) =>
    logged &&
    html`${introduction(logged)}
<div class="pair">${figures.map((figure) => figureMarkup(figure, { prefix, width: 560, frame: logged.history.peakFrame }))}</div>
`,
};

function introduction(logged: LoggedInput) {
  const { history, results } = logged;
  const shown = styledRuns(logged);
  const { still } = timeFigures(logged);
  const more = results.policies.length - shown.length;
  return html`<p class="intro">Simulated time, first seed. ${sentence(history.binning)}${more > 0 && ` The charts have ${shown.length} of ${results.policies.length} policies: the first with a log.`} Policies joined by = share a line: they have the same values.${still.length > 0 && ` Constant, and the same under every policy: ${still.join(', ')}.`}</p>
<div class="time-bar">
<ul class="key">${shown.map(({ run, style }) => html`<li>${swatch(style)} ${policyName(run.policy)}</li>`)}</ul>
<div class="zoom scripted" role="group" aria-label="Part of the time that is shown">
<label>from <input type="range" data-zoom="from" min="0" max="1000" value="0"></label>
<label>to <input type="range" data-zoom="to" min="0" max="1000" value="1000"></label>
<output class="zoom-text"></output>
<button type="button" data-zoom="reset">Reset</button>
</div>
</div>
<p class="legend scripted">The dashed vertical line is the moment of the block map. A click in a chart moves it. The sliders zoom all charts, as does the mouse wheel with Ctrl.</p>`;
}

const sentence = (text: string): string =>
  `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.]$/.test(text) ? '' : '.'}`;
