/** Tables that fit a terminal: in a narrow one headings are broken first, then columns of text wrap. */
import Table from 'cli-table3';

export interface TableColumn {
  readonly head: string;
  /** Text stands left and may wrap; numbers stand right. */
  readonly isText?: boolean;
}

/** A space on each side of a cell, and the line before it. */
const MARGINS = 2;
const LINE = 1;
const LEAST_TEXT_WIDTH = 14;

/** `width` in characters. A table whose numbers alone are wider stays wider. */
export function fittedTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const natural = widths(columns, rows);
  const isBroken = tableWidth(natural) > width;
  const shown = isBroken
    ? columns.map(({ head, ...column }) => ({ ...column, head: head.replaceAll(' ', '\n') }))
    : columns;
  const colWidths = isBroken ? wrappedWidths(shown, widths(shown, rows), width) : [];
  const hasLongWord = rows.some((row) =>
    colWidths.some((room, at) => room !== null && longest(row[at].split(' ')) + MARGINS > room),
  );
  const table = new Table({
    head: shown.map(({ head }) => head),
    colAligns: shown.map(({ isText }) => (isText === true ? 'left' : 'right')),
    colWidths,
    wordWrap: true,
    // A word that does not fit would be cut.
    wrapOnWordBoundary: !hasLongWord,
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));

const widths = (columns: readonly TableColumn[], rows: readonly (readonly string[])[]): number[] =>
  columns.map(
    ({ head }, at) =>
      MARGINS + rows.reduce((most, row) => Math.max(most, row[at].length), longest(head.split('\n'))),
  );

const tableWidth = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width + LINE, LINE);

/** The widest column of text gives way first; null for columns that stay as they are. */
function wrappedWidths(
  columns: readonly TableColumn[],
  natural: readonly number[],
  width: number,
): (number | null)[] {
  const wrapped: (number | null)[] = natural.map((one, at) => (columns[at].isText === true ? one : null));
  for (let excess = tableWidth(natural) - width; excess > 0; excess--) {
    const widest = Math.max(...wrapped.map((one) => one ?? 0));
    if (widest <= LEAST_TEXT_WIDTH) break;
    wrapped[wrapped.indexOf(widest)] = widest - 1;
  }
  return wrapped;
}
