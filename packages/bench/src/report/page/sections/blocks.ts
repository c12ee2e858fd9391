/** The block map: interactive with scripts, a picture of the peak without. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import { BLOCK_STATES } from '../../../history/types.ts';
import { formatValue } from '../../../text/units.ts';
import { firstChoices } from '../client/block-map-choice.ts';
import { type Html, html, shellWord } from '../escape.ts';
import { behind } from '../figure-markup.ts';
import { blockMapStill, STILL_WIDTH } from '../figures/block-map-still.ts';
import type { LoggedInput } from '../figures/figure.ts';
import { logPath, printSeries, showPeak } from '../figures/runs.ts';
import { image } from '../words.ts';
import type { PageSection } from './section.ts';

/** Two policies at the peak: see firstChoices(). */
export function stillOf({ results, history }: LoggedInput) {
  const runs = firstChoices(results, history).map((place) => history.runs[place]);
  return blockMapStill(results.input.name, history, runs, history.peakFrame);
}

export const blocksSection: PageSection = {
  id: 'blocks',
  title: 'Block map',
  body: ({ logged, prefix }) => logged && blockMap(logged, `${prefix}-block-map`),
};

function blockMap(logged: LoggedInput, id: string): Html {
  const still = stillOf(logged);
  const { results } = logged;
  return html`<p class="intro">Memory as a grid of 2 MiB blocks, under two policies at the same moment. A host cannot map a mixed block with one large page. The charts below show the same moment.</p>
<div class="map scripted" data-map="${id}"></div>
<figure id="${id}" class="wide still-only" aria-labelledby="${id}-title"><h4 id="${id}-title">Blocks at the peak</h4>
<p class="reading">${still.reading}</p>
${image(still.svg, `Blocks at the peak. ${still.reading}`, STILL_WIDTH, still.height)}
</figure>
${behind({
  formula: [
    'private: no page is shared. idle: all pages are shared, and none is in an allocation or slab. in use: all pages are shared, and some are in an allocation or slab. mixed: private and shared pages. unknown: some pages are in an unknown state, or leaked.',
  ],
  commands: [
    results.command,
    '# Blocks by state, at every frame:',
    printSeries(logged, 'block-map'),
    ...showPeak(logged, 'Blocks in use at the peak and their owners, under the first policy:'),
    '# All events of one block:',
    `decpool explain ${shellWord(logPath(logged))} --block NUMBER`,
  ],
  table: {
    caption: 'Blocks of RAM by state, at the peak',
    head: ['policy', ...BLOCK_STATES],
    rows: still.counts.map(({ policy, blocks }) => [
      shortPolicyName(policy),
      ...BLOCK_STATES.map((state) => formatValue(blocks[state], 'count')),
    ]),
  },
})}
`;
}
