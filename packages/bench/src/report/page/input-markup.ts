/** All sections of one input, readable without scripts. */
import { type Html, html } from './escape.ts';
import { glanceFigure } from './figures/glance.ts';
import type { PageInput } from './page-data.ts';
import { summarySection } from './sections/summary.ts';

export function inputMarkup({ results }: PageInput, prefix: string): Html {
  const { input, memory, platform, seeds, policies } = results;
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
  return html`<article class="input" id="${prefix}" aria-labelledby="${prefix}-name">
<header><h2 id="${prefix}-name" tabindex="-1">${input.name}</h2>
<p class="deck">${input.description} ${platform.name}, memory ${memory}, ${count(policies.length, policies.length === 1 ? 'policy' : 'policie')}, ${count(seeds.length, 'seed')}.</p></header>
${summarySection(results, glanceFigure(results), prefix)}
</article>
`;
}
