/** The shared blocks of one side as a table, for readers who do not see the map. Filled while it is open. */
import { make } from './block-map-dom.ts';
import type { RunLooks } from './block-map-looks.ts';
import { moreBlocksText, type SharedBlock, sharedBlocks } from './block-map-text.ts';

const HEADS = ['Block', 'State', 'Mapping', 'Shared', 'Used', 'Pinned by'];

/** `shown` returns what the table has to hold. */
export function createSharedTable(shown: () => { looks: RunLooks; frame: number }) {
  const element = make('details', 'block-map-shared');
  const scroller = make('div', 'block-map-scroller');
  // The keyboard must reach an element that scrolls.
  scroller.tabIndex = 0;
  scroller.setAttribute('role', 'region');
  element.append(make('summary', '', 'Shared blocks at this moment, as a table'), scroller);

  function show(): void {
    if (!element.open) return;
    const { looks, frame } = shown();
    const { rows, all } = sharedBlocks(looks, frame);
    if (all === 0) scroller.replaceChildren(make('p', '', 'No block is shared.'));
    else scroller.replaceChildren(tableOf(rows), ...moreLine(rows.length, all));
  }
  element.addEventListener('toggle', show);
  return {
    element,
    /** Fills the table again, if it is open. */
    show,
    setLabel: (label: string) => scroller.setAttribute('aria-label', label),
  };
}

const moreLine = (rows: number, all: number): HTMLElement[] =>
  all > rows ? [make('p', '', moreBlocksText(all - rows))] : [];

function tableOf(rows: readonly SharedBlock[]): HTMLTableElement {
  const table = make('table');
  const head = make('tr');
  for (const text of HEADS) {
    const cell = make('th', '', text);
    cell.scope = 'col';
    head.append(cell);
  }
  const thead = make('thead');
  thead.append(head);
  const body = make('tbody');
  for (const { block, state, mapping, shared, used, pinnedBy } of rows) {
    const row = make('tr');
    const name = make('th', '', String(block));
    name.scope = 'row';
    row.append(name, ...[state, mapping, shared, used, pinnedBy].map((text) => make('td', '', text)));
    body.append(row);
  }
  table.append(thead, body);
  return table;
}
