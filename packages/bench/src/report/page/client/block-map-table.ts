/** The shared blocks of one side as a table, for readers who do not see the map. Filled while it is open. */
import { make } from './block-map-dom.ts';
import type { RunLooks } from './block-map-looks.ts';
import { moreBlocksText, sharedBlocks } from './block-map-text.ts';
import { tableOf } from './table-dom.ts';

const HEADS = ['Block', 'State', 'Mapping', 'Shared', 'Used', 'Pinned by'];

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
    else scroller.replaceChildren(tableOf(HEADS, rows), all > rows.length ? moreLine(all - rows.length) : '');
  }
  element.addEventListener('toggle', show);
  return {
    element,
    show,
    setLabel: (label: string) => scroller.setAttribute('aria-label', label),
  };
}

const moreLine = (more: number): HTMLElement => make('p', '', moreBlocksText(more));
