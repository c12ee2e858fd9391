/** All sections of one input. They can be read without scripts. */
import { countText } from '../../text/counts.ts';
import { type Html, html } from './escape.ts';
import { figuresOf, loggedInput } from './figures/all.ts';
import type { PageInput } from './page-data.ts';
import { SECTIONS } from './sections/all.ts';

export function inputMarkup(input: PageInput, prefix: string): Html {
  const { results } = input;
  const { memory, platform, seeds, policies } = results;
  const logged = loggedInput(input);
  const shown = SECTIONS.flatMap(({ id, title, link = title, body }) => {
    const markup = body({ input, results, logged, figures: figuresOf(input, id), prefix });
    return markup === undefined ? [] : [{ id: `${prefix}-${id}`, title, link, markup }];
  });
  return html`<article class="input" id="${prefix}" aria-labelledby="${prefix}-name">
<header><h2 id="${prefix}-name" tabindex="-1">${results.input.name}</h2>
<p class="deck">${results.input.description} Platform ${platform.name}, memory ${memory}, ${countText(policies.length, 'policy', 'policies')}, ${countText(seeds.length, 'seed')}.</p></header>
<nav class="contents" aria-label="Sections of ${prefix.replace(/^input-/, '')}"><ul>${shown
    .filter(({ link }) => link !== 'none')
    .map(({ id, link }) => html`<li><a href="#${id}">${link}</a></li>`)}</ul></nav>
${shown.map(
  ({ id, title, markup }) =>
    html`<section id="${id}" aria-labelledby="${id}-title"><h3 id="${id}-title">${title}</h3>${markup}</section>
`,
)}
</article>
`;
}
