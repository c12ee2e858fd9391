/** All sections of one input, readable without scripts. */
import { type Html, html } from './escape.ts';
import { figureMarkup } from './figure-markup.ts';
import { type Figures, figuresBySection, toldOf } from './figures/all.ts';
import type { Figure } from './figures/figure.ts';
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
  const frame = input.history?.peakFrame ?? 0;
  const place = (figure: Figure, width: number) => figureMarkup(figure, { prefix, width, frame });
  const hasAgainst = input.against !== undefined;
  return html`<article class="input" id="${prefix}" aria-labelledby="${prefix}-name">
<header><h2 id="${prefix}-name" tabindex="-1">${results.input.name}</h2>
<p class="deck">${results.input.description} Platform ${platform.name}, memory ${memory}, ${counted(policies.length, 'policy', 'policies')}, ${counted(seeds.length, 'seed', 'seeds')}.</p></header>
${contents(prefix, { hasLogs: told !== undefined, figures, hasAgainst })}
${summarySection(results, figures.glance, prefix)}
${
  told === undefined
    ? missing(prefix, input)
    : html`${blocksSection(told, prefix)}${overTimeSection(told, figures.time, prefix)}${section({
        id: `${prefix}-distributions`,
        title: 'Distributions',
        body: html`<p class="intro">${hasHistograms(figures) ? 'How full the shared blocks are, at the moment of the block map: at the peak unless it is moved. Lifetimes are of the whole run.' : 'No block is ever shared, so that there is nothing to tell of how full they are. Lifetimes are of the whole run.'}</p><div class="pair">${figures.distributions.map((figure) => place(figure, figure.kind === 'run' ? 980 : 560))}</div>`,
      })}`
}
${figures.pareto !== undefined && section({ id: `${prefix}-pareto`, title: 'Trade-off', body: place(figures.pareto, 980) })}
${figures.cost !== undefined && costSection(results, figures.cost, prefix)}
${
  told !== undefined &&
  section({
    id: `${prefix}-indices`,
    title: 'Kernel indices of fragmentation',
    body: html`<p class="intro">What /sys/kernel/debug/extfrag would say of the free memory of each pool, by order, at the moment of the block map.</p><div class="pair three">${figures.indices.map((figure) => place(figure, 560))}</div>`,
  })
}
${told === undefined ? ownersWithoutLogs(results, prefix) : ownersSection(told, prefix)}
${input.against !== undefined && againstSection(input.against, prefix)}
</article>
`;
}

const hasHistograms = ({ distributions }: Figures): boolean =>
  distributions.some(({ kind }) => kind === 'frame');

const counted = (number: number, one: string, more: string): string =>
  `${number} ${number === 1 ? one : more}`;

interface Present {
  readonly hasLogs: boolean;
  readonly figures: Figures;
  readonly hasAgainst: boolean;
}

function contents(prefix: string, { hasLogs, figures, hasAgainst }: Present): Html {
  const entries: readonly (readonly [id: string, title: string] | false)[] = [
    ['summary', 'Summary'],
    hasAgainst && ['against', 'Against an older run'],
    hasLogs && ['blocks', 'Block map'],
    hasLogs && ['time', 'Over time'],
    hasLogs && ['distributions', 'Distributions'],
    figures.pareto !== undefined && ['pareto', 'Trade-off'],
    figures.cost !== undefined && ['cost', 'Cost'],
    hasLogs && ['indices', 'Kernel indices'],
    ['owners', 'Owners'],
  ];
  return html`<nav class="contents" aria-label="Sections of ${prefix.replace(/^input-/, '')}"><ul>${entries
    .filter((entry) => entry !== false)
    .map(([id, title]) => html`<li><a href="#${prefix}-${id}">${title}</a></li>`)}</ul></nav>`;
}

const missing = (prefix: string, { folder }: PageInput): Html =>
  section({
    id: `${prefix}-blocks`,
    title: 'Over time',
    body: html`<p class="missing">There is no event log in ${folder}/logs, so that the block map, the charts over time, the occupancy of blocks, the lifetimes, the kernel indices and who pins which blocks are missing. decpool compare writes logs unless there are more than 24 policies.</p>`,
  });
