/** The meaning of the colours, and the number of blocks of each under each policy. */
import { formatValue } from '../../../text/units.ts';
import { make, setPolicy, setText } from './block-map-dom.ts';
import { type Counts, KIND_TEXT, KINDS, type Kind, type Mark } from './block-map-looks.ts';
import { type MapColours, swatch } from './block-map-sprites.ts';

interface Entry {
  readonly text: string;
  readonly kind: Kind;
  readonly mark: Mark;
  readonly countOf: (counts: Counts) => number;
}

const MARK_OF_KIND: Partial<Readonly<Record<Kind, Mark>>> = { boot: 'boot', split: 'split' };

/** The most telling first. */
const ENTRIES: readonly Entry[] = [
  ...KINDS.map(
    (kind, index): Entry => ({
      text: KIND_TEXT[kind],
      kind,
      mark: MARK_OF_KIND[kind] ?? 'none',
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
  const table = make('table', 'block-map-legend');
  table.append(make('caption', '', 'Blocks at this moment'));
  const head = make('tr');
  const policies = Array.from({ length: sides }, () => columnHead());
  head.append(make('td'), ...policies);
  const thead = make('thead');
  thead.append(head);
  const body = make('tbody');
  const rows = ENTRIES.map((entry) => legendRow(entry, sides));
  body.append(...rows.map(({ element }) => element));
  table.append(thead, body);
  return {
    element: table,
    showColours(colours: MapColours) {
      for (const { entry, picture } of rows) picture.replaceChildren(swatch(colours, entry.kind, entry.mark));
    },
    /** A policy and its counts for each side. */
    showCounts(names: readonly string[], counts: readonly Counts[]) {
      for (const [side, head] of policies.entries()) setPolicy(head, names[side]);
      for (const { entry, cells, element } of rows) {
        const values = counts.map(entry.countOf);
        for (const [side, cell] of cells.entries()) setText(cell, formatValue(values[side], 'count'));
        element.classList.toggle(
          'block-map-none',
          values.every((value) => value === 0),
        );
      }
    },
  };
}

function columnHead(): HTMLTableCellElement {
  const head = make('th');
  head.scope = 'col';
  return head;
}

function legendRow(entry: Entry, sides: number) {
  const element = make('tr');
  const head = make('th');
  head.scope = 'row';
  const picture = make('span');
  head.append(picture, make('span', '', entry.text));
  const cells = Array.from({ length: sides }, () => make('td'));
  element.append(head, ...cells);
  return { entry, element, picture, cells };
}
