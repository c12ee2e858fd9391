/** All sections of one input, the answer first. They can be read without scripts. */
import { countText } from '../../text/counts.ts';
import { type Html, html } from './escape.ts';
import { figureMarkup } from './figure-markup.ts';
import { type Figures, figuresBySection, toldOf } from './figures/all.ts';
import type { Told } from './figures/figure.ts';
import type { PageInput } from './page-data.ts';
import { againstSection } from './sections/against.ts';
import { blocksSection } from './sections/blocks.ts';
import { costSection } from './sections/cost.ts';
import { overTimeSection } from './sections/over-time.ts';
import { ownersSection, ownersWithoutLogs } from './sections/owners.ts';
import { summarySection } from './sections/summary.ts';
import { section } from './words.ts';

export function inputMarkup(input: PageInput, prefix: string): Html {
  const { results } = input;
  const { memory, platform, seeds, policies } = results;
  const figures = figuresBySection(input);
  const told = toldOf(input);
  const hasAgainst = input.against !== undefined;
  return html`<article class="input" id="${prefix}" aria-labelledby="${prefix}-name">
<header><h2 id="${prefix}-name" tabindex="-1">${results.input.name}</h2>
<p class="deck">${results.input.description} Platform ${platform.name}, memory ${memory}, ${countText(policies.length, 'policy', 'policies')}, ${countText(seeds.length, 'seed')}.</p></header>
${contents(prefix, { hasLogs: told !== undefined, figures, hasAgainst })}
${summarySection(results, figures.glance, prefix)}
${input.against !== undefined && againstSection(input.against, prefix)}
${figures.cost !== undefined && costSection(results, figures.cost, prefix)}
${told === undefined ? ownersWithoutLogs(results, prefix) : ownersSection(told, prefix)}
${told === undefined ? missing(prefix, input) : html`${blocksSection(told, prefix)}${overTimeSection(told, figures.time, prefix)}${distributions(told, figures, prefix)}`}
${figures.pareto !== undefined && section({ id: `${prefix}-pareto`, title: 'Trade-off', body: figureMarkup(figures.pareto, { prefix, width: 980, frame: 0 }) })}
${told !== undefined && indices(told, figures, prefix)}
</article>
`;
}

function distributions({ history }: Told, figures: Figures, prefix: string): Html {
  const frame = history.peakFrame;
  return section({
    id: `${prefix}-distributions`,
    title: 'Distributions',
    body: html`<p class="intro">${hasHistograms(figures) ? 'The first two charts show the moment of the block map: the peak, unless you move it.' : 'No block is ever shared: there is no chart of how full shared blocks are.'} Lifetimes are of the whole run.</p><div class="pair">${figures.distributions.map((figure) => figureMarkup(figure, { prefix, width: figure.kind === 'run' ? 980 : 560, frame }))}</div>`,
  });
}

const indices = ({ history }: Told, figures: Figures, prefix: string): Html =>
  section({
    id: `${prefix}-indices`,
    title: 'Kernel indices of fragmentation',
    body: html`<p class="intro">The values of /sys/kernel/debug/extfrag for the free pages of each pool, by order, at the moment of the block map.</p><div class="pair three">${figures.indices.map((figure) => figureMarkup(figure, { prefix, width: 560, frame: history.peakFrame }))}</div>`,
  });

const hasHistograms = ({ distributions }: Figures): boolean =>
  distributions.some(({ kind }) => kind === 'frame');

interface Present {
  readonly hasLogs: boolean;
  readonly figures: Figures;
  readonly hasAgainst: boolean;
}

function contents(prefix: string, { hasLogs, figures, hasAgainst }: Present): Html {
  const entries: readonly (readonly [id: string, title: string] | false)[] = [
    ['summary', 'Summary'],
    hasAgainst && ['against', 'Against an older run'],
    figures.cost !== undefined && ['cost', 'Cost'],
    ['owners', 'Owners'],
    hasLogs && ['blocks', 'Block map'],
    hasLogs && ['time', 'Over time'],
    hasLogs && ['distributions', 'Distributions'],
    figures.pareto !== undefined && ['pareto', 'Trade-off'],
    hasLogs && ['indices', 'Kernel indices'],
  ];
  return html`<nav class="contents" aria-label="Sections of ${prefix.replace(/^input-/, '')}"><ul>${entries
    .filter((entry) => entry !== false)
    .map(([id, title]) => html`<li><a href="#${prefix}-${id}">${title}</a></li>`)}</ul></nav>`;
}

const missing = (prefix: string, { folder }: PageInput): Html =>
  section({
    id: `${prefix}-blocks`,
    title: 'Block map and charts over time',
    body: html`<p class="missing">There is no event log in ${folder}/logs. The block map, the charts over time, the distributions, the kernel indices and the owners of blocks need one. decpool compare writes logs for up to 24 policies.</p>`,
  });
