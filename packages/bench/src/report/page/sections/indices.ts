import { html } from '../escape.ts';
import { figureMarkup } from '../figure-markup.ts';
import type { PageSection } from './section.ts';

export const indicesSection: PageSection = {
  id: 'indices',
  title: 'Kernel indices of fragmentation',
  link: 'Kernel indices',
  body: ({ logged, figures, prefix }) =>
    logged &&
    html`<p class="intro">The values of /sys/kernel/debug/extfrag for the free pages of each pool, by order, at the moment of the block map.</p><div class="pair three">${figures.map((figure) => figureMarkup(figure, { prefix, width: 560, frame: logged.history.peakFrame }))}</div>`,
};
