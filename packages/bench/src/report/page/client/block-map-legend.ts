/** The meaning of the colours, and the number of blocks of each under each policy. */
import { formatValue } from '../../../text/units.ts';
import { headCell, holding, make, setPolicy, setText } from './block-map-dom.ts';
import { type Counts, KIND_TEXT, KINDS, type Kind, type Mark } from './block-map-looks.ts';
import { type MapColours, swatch } from './block-map-sprites.ts';

interface Entry {
  readonly text: string;
  readonly kind: Kind;
  readonly mark: Mark;
  readonly countOf: (counts: Counts) => number;
}

/** The most telling first. */
const ENTRIES: readonly Entry[] = [
  ...KINDS.map(
    (kind, index): Entry => ({
      text: KIND_TEXT[kind],
      kind,
      mark: kind === 'boot' || kind === 'split' ? kind : 'none',
      countOf: ({ kinds }) => kinds[index],
    }),
  ).reverse(),
  {
    text: 'any colour with a diagonal line: split during the run',
    kind: 'used',
    mark: 'split',
    countOf: ({ split }) => split,
  },
];

export function createLegend(sides: number) {
  const policies = Array.from({ length: sides }, () => headCell('col'));
  const rows = ENTRIES.map((entry) => {
    const picture = make('span');
    const cells = policies.map(() => make('td'));
    const head = headCell('row', picture, make('span', '', entry.text));
    return { entry, picture, cells, element: holding('tr', '', head, ...cells) };
  });
  const element = holding(
    'table',
    'block-map-legend',
    make('caption', '', 'Blocks at this moment'),
    holding('thead', '', holding('tr', '', make('td'), ...policies)),
    holding('tbody', '', ...rows.map((row) => row.element)),
  );
  return {
    element,
    showColours(colours: MapColours) {
      for (const { entry, picture } of rows) picture.replaceChildren(swatch(colours, entry.kind, entry.mark));
    },
    showCounts(names: readonly string[], counts: readonly Counts[]) {
      for (const [side, head] of policies.entries()) setPolicy(head, names[side]);
      for (const { entry, cells, element } of rows) {
        const values = counts.map(entry.countOf);
        for (const [side, cell] of cells.entries()) setText(cell, formatValue(values[side], 'count'));
        const isNone = values.every((value) => value === 0);
        element.classList.toggle('block-map-none', isNone);
      }
    },
  };
}
