import { html } from '../escape.ts';
import { figureMarkup } from '../figure-markup.ts';
import type { PageSection } from './section.ts';

export const distributionsSection: PageSection = {
  id: 'distributions',
  title: 'Distributions',
  body: ({ logged, figures, prefix }) =>
    logged &&
    html`<p class="intro">${figures.some(({ kind }) => kind === 'frame') ? 'The first two charts show the moment of the block map: the peak, unless you move it.' : 'No block is ever shared: there is no chart of how full shared blocks are.'} Lifetimes are of the whole run.</p><div class="pair">${figures.map((figure) => figureMarkup(figure, { prefix, width: figure.kind === 'run' ? 980 : 560, frame: logged.history.peakFrame }))}</div>`,
};
