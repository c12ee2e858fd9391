/** Puts new values into an existing table, as text: no name can become markup. */
import type { FigureTable } from '../figures/figure.ts';

export function fillTable(table: HTMLTableElement, { caption, rows }: FigureTable): void {
  if (table.caption !== null) table.caption.textContent = caption;
  table.tBodies[0]?.replaceChildren(...rows.map(rowOf));
}

function rowOf([first, ...others]: readonly string[]): HTMLTableRowElement {
  const row = document.createElement('tr');
  const head = document.createElement('th');
  head.scope = 'row';
  head.textContent = first;
  row.append(head, ...others.map(cellOf));
  return row;
}

function cellOf(text: string): HTMLTableCellElement {
  const cell = document.createElement('td');
  cell.textContent = text;
  return cell;
}
