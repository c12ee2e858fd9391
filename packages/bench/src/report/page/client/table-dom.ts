/** Tables, with values as text: no name can become markup. */
import type { FigureTable } from '../figures/figure.ts';
import { headCell, holding, make } from './block-map-dom.ts';

/** Puts new values into an existing table. */
export function fillTable(table: HTMLTableElement, { caption, rows }: FigureTable): void {
  if (table.caption !== null) table.caption.textContent = caption;
  table.tBodies[0]?.replaceChildren(...rows.map(rowOf));
}

export const tableOf = (heads: readonly string[], rows: FigureTable['rows']): HTMLTableElement =>
  holding(
    'table',
    '',
    holding('thead', '', holding('tr', '', ...heads.map((text) => headCell('col', text)))),
    holding('tbody', '', ...rows.map(rowOf)),
  );

const rowOf = ([first, ...others]: readonly string[]): HTMLTableRowElement =>
  holding('tr', '', headCell('row', first), ...others.map((text) => make('td', '', text)));
