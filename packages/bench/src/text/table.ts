/** Tables in plain characters: no colours, and no lines between rows. */
import Table from 'cli-table3';

export interface TableColumn {
  readonly head: string;
  /** Text stands left and may wrap; numbers stand right. */
  readonly isText: boolean;
  /** Characters with margins, beyond which text wraps (default: as wide as its widest cell). */
  readonly width?: number | undefined;
}

/** A column of text. */
export const textColumn = (head: string, width?: number): TableColumn => ({ head, isText: true, width });

/** A column of numbers. */
export const numberColumn = (head: string): TableColumn => ({ head, isText: false });

type Rows = readonly (readonly (string | number)[])[];

/** A table without headings if all of them are empty. `wrapOnWordBoundary`: false to break words that are wider than their column. */
export function plainTable(columns: readonly TableColumn[], rows: Rows, wrapOnWordBoundary = true): string {
  const hasHead = columns.some(({ head }) => head !== '');
  const table = new Table({
    head: hasHead ? columns.map(({ head }) => head) : [],
    colAligns: columns.map(({ isText }) => (isText ? 'left' : 'right')),
    colWidths: columns.map(({ width }) => width ?? null),
    wordWrap: true,
    wrapOnWordBoundary,
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

/** Heading and cell of each column. */
export type CellColumns<Row> = readonly (readonly [TableColumn, (row: Row) => string | number])[];

/** A table with a row for each item. */
export const tableOf = <Row>(columns: CellColumns<Row>, rows: readonly Row[]): string =>
  `${plainTable(
    columns.map(([column]) => column),
    rows.map((row) => columns.map(([, cell]) => cell(row))),
  )}\n`;

/** A space on each side of a cell, and the line before it. */
const MARGINS = 2;
const LINE = 1;
const LEAST_TEXT_WIDTH = 14;

/**
 * A table that fits a terminal of so many characters: in a narrow one headings are broken first, then columns of text wrap. A table
 * whose numbers alone are wider stays wider.
 */
export function fittedTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  screenWidth: number,
): string {
  const natural = widths(columns, rows);
  if (tableWidth(natural) <= screenWidth) return plainTable(columns, rows);
  const broken = columns.map((column) => ({ ...column, head: column.head.replaceAll(' ', '\n') }));
  const colWidths = wrappedWidths(broken, widths(broken, rows), screenWidth);
  const hasLongWord = rows.some((row) =>
    colWidths.some((room, at) => room !== undefined && longest(row[at].split(' ')) + MARGINS > room),
  );
  const narrow = broken.map((column, at) => ({ ...column, width: colWidths[at] }));
  return plainTable(narrow, rows, !hasLongWord);
}

const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));

const widths = (columns: readonly TableColumn[], rows: readonly (readonly string[])[]): number[] =>
  columns.map(
    ({ head }, at) =>
      MARGINS + rows.reduce((most, row) => Math.max(most, row[at].length), longest(head.split('\n'))),
  );

const tableWidth = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width + LINE, LINE);

/** The widest column of text gives way first; undefined for columns that stay as they are. */
function wrappedWidths(
  columns: readonly TableColumn[],
  natural: readonly number[],
  width: number,
): (number | undefined)[] {
  const wrapped = natural.map((one, at) => (columns[at].isText ? one : undefined));
  for (let excess = tableWidth(natural) - width; excess > 0; excess--) {
    const widest = Math.max(...wrapped.map((one) => one ?? 0));
    if (widest <= LEAST_TEXT_WIDTH) break;
    wrapped[wrapped.indexOf(widest)] = widest - 1;
  }
  return wrapped;
}
