/** The comparison table in characters: a column per policy, a line per row, value and change in one cell. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import picocolors from 'picocolors';
import { compactUnit, compactValue } from '../text/compact.ts';
import { filledLines, groupsThatFit } from '../text/groups.ts';
import { printable } from '../text/printable.ts';
import type { Screen } from '../text/screen.ts';
import { type Scale, SMALL_CHANGE } from '../text/units.ts';
import { wrap } from '../text/wrap.ts';
import { type Cell, markOf, NO_VALUE, type Row } from './rows.ts';
import { compactLabel } from './short-labels.ts';

interface TableLayout extends Screen {
  /** Whether the smallest and the largest value over the seeds stand below a value. */
  readonly hasRanges?: boolean;
  /** Columns that show their change against the first: all of them, or the second alone. Default: all. */
  readonly changes?: 'all' | 'second';
  /** Heads instead of the policies' names. */
  readonly heads?: readonly string[];
}

/** Between columns: the widest that fits. */
const GAPS = ['  ', ' '];
/** Longest that a label may be before it is wrapped. */
const LONGEST_LABEL = 24;
/** Of a name without a better place to break it. */
const LONGEST_PART = /.{1,24}/gsu;
/** A head takes as few lines as the width allows, up to so many. */
const HEAD_LINES = 6;

interface CellText {
  readonly value: string;
  readonly change: string;
  /** Empty if it is not shown. */
  readonly range: string;
  readonly isBetter?: boolean | undefined;
}

interface Column {
  /** Parts of the name, between which a head may break. */
  readonly name: readonly string[];
  readonly cells: readonly CellText[];
  /** Characters of the widest change, and of the widest cell. */
  readonly changeWidth: number;
  readonly bodyWidth: number;
}

/** Lines of the table; of several tables, each with the baseline, if one is too wide. */
export function tableText(rows: readonly Row[], layout: TableLayout): string[] {
  if (rows.length === 0) return [];
  const units = rows.map(({ metric, cells }) =>
    compactUnit(
      metric.unit,
      cells.map(({ spread }) => spread.median).filter((median) => !Number.isNaN(median)),
    ),
  );
  const labels = rows.map(({ metric }, row) =>
    wrap(printable(compactLabel(metric, units[row])), LONGEST_LABEL),
  );
  const columnsOf = (isShort: boolean) =>
    rows[0].cells.map((_, policy) => columnOf(rows, units, policy, layout, isShort));
  const whole = fitted(labels, columnsOf(false), layout);
  if (whole !== undefined) return linesOf(labels, whole, layout);
  const [baseline, ...others] = columnsOf(true);
  const fits = (group: readonly Column[]) => fitted(labels, [baseline, ...group], layout) !== undefined;
  return groupsThatFit(others, fits).flatMap((group, index) => {
    const columns = [baseline, ...group];
    // Without room for two columns, the table is wider than the screen.
    const narrowest = { gap: ' ', columns: columns.map((column) => placedIn(column, HEAD_LINES)) };
    const lines = linesOf(labels, fitted(labels, columns, layout) ?? narrowest, layout);
    return index === 0 ? lines : ['', ...lines];
  });
}

function columnOf(
  rows: readonly Row[],
  units: readonly Scale[],
  policy: number,
  { changes = 'all', heads, hasRanges = false }: TableLayout,
  isShort: boolean,
): Column {
  const head = heads?.[policy] ?? shortPolicyName(rows[0].cells[policy].policy);
  const hasChange = changes === 'all' || policy === 1;
  const cells = rows.map(({ cells }, row): CellText => {
    const cell = cells[policy];
    const [value, from, to] = [cell.spread.median, cell.spread.min, cell.spread.max].map((each) =>
      Number.isNaN(each) ? NO_VALUE : compactValue(each, units[row]),
    );
    return {
      value,
      change: hasChange ? changeText(cell, isShort) : '',
      range: !hasRanges || from === to ? '' : `${from}..${to}`,
      isBetter: hasChange && cell.isNoise !== true ? cell.isBetter : undefined,
    };
  });
  const changeWidth = widest(cells.map(({ change }) => change));
  const valueWidth = widest(cells.map(({ value }) => value)) + (changeWidth === 0 ? 0 : 1 + changeWidth);
  return {
    name: printable(head)
      .split(/(?=\+)|(?<=-)/)
      .flatMap((part) => part.match(LONGEST_PART) ?? []),
    cells,
    changeWidth,
    bodyWidth: Math.max(valueWidth, widest(cells.map(({ range }) => range))),
  };
}

/** In a narrow table, the mark alone says that a value became 0. What hardly changed has no mark. */
function changeText(cell: Cell, isShort: boolean): string {
  const { change, spread } = cell;
  if (change === undefined) return '';
  const mark = change === SMALL_CHANGE ? '' : markOf(cell);
  return isShort && spread.median === 0 && mark !== '' ? mark : `${change}${mark}`;
}

interface PlacedColumn extends Column {
  readonly head: readonly string[];
  readonly width: number;
}

interface Fitted {
  readonly gap: string;
  readonly columns: readonly PlacedColumn[];
}

/** Heads in as few lines as fit, and the columns' widths; undefined if no head is narrow enough. */
function fitted(
  labels: readonly (readonly string[])[],
  columns: readonly Column[],
  { columns: room }: TableLayout,
): Fitted | undefined {
  const labelWidth = widest(labels.flat());
  for (const gap of GAPS) {
    const fits = (placed: readonly PlacedColumn[]) =>
      placed.reduce((sum, { width }) => sum + gap.length + width, labelWidth) <= room;
    for (let lines = 1; lines <= HEAD_LINES; lines++) {
      const placed = columns.map((column) => placedIn(column, lines));
      if (placed.every(({ head }) => head.length <= lines) && fits(placed))
        return { gap, columns: withFewerBreaks(placed, fits) };
    }
  }
  return undefined;
}

/** What room is left goes to names that would be broken: from the left, each takes as few lines as still fits. */
function withFewerBreaks(
  placed: readonly PlacedColumn[],
  fits: (placed: readonly PlacedColumn[]) => boolean,
): readonly PlacedColumn[] {
  let best = placed;
  for (const [index, column] of placed.entries()) {
    for (let lines = 1; lines < column.head.length; lines++) {
      const wider = best.with(index, placedIn(column, lines));
      if (wider[index].head.length > lines || !fits(wider)) continue;
      best = wider;
      break;
    }
  }
  return best;
}

const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));

/** With its name in at most so many lines, as narrow as that goes and no narrower than the cells below it. */
function placedIn(column: Column, lines: number): PlacedColumn {
  const { name, bodyWidth } = column;
  for (let width = Math.max(bodyWidth, widest(name)); ; width++) {
    const head = filledLines(name, width);
    if (head.length <= lines || width >= name.join('').length)
      return { ...column, head, width: Math.max(bodyWidth, widest(head)) };
  }
}

function linesOf(
  labels: readonly (readonly string[])[],
  { gap, columns }: Fitted,
  layout: TableLayout,
): string[] {
  const { bold, dim, green, red } = picocolors.createColors(layout.isColoured);
  const labelWidth = widest(labels.flat());
  const height = Math.max(...columns.map(({ head }) => head.length));
  const lineOf = (label: string, cellOf: (column: PlacedColumn) => string) =>
    [label.padEnd(labelWidth), ...columns.map(cellOf)].join(gap).trimEnd();
  const toRight = (text: string, width: number, paint: (text: string) => string) =>
    ' '.repeat(width - text.length) + (text === '' ? '' : paint(text));
  const heads = Array.from({ length: height }, (_, line) =>
    // The last line of each name stands on the rule.
    lineOf('', ({ head, width }) => toRight(head[line - (height - head.length)] ?? '', width, bold)),
  );
  const rule = lineOf('─'.repeat(labelWidth), ({ width }) => '─'.repeat(width));
  const body = labels.flatMap((label, row) => [
    ...label.slice(0, -1),
    lineOf(label[label.length - 1], ({ cells, width, changeWidth }) => {
      const { value, change, isBetter } = cells[row];
      const gapWidth = changeWidth === 0 ? 0 : 1 + changeWidth - change.length;
      const painted = isBetter === undefined ? change : isBetter ? green(change) : red(change);
      return value.padStart(width - gapWidth - change.length) + ' '.repeat(gapWidth) + painted;
    }),
    ...(columns.some(({ cells }) => cells[row].range !== '')
      ? [lineOf('', ({ cells, width }) => toRight(cells[row].range, width, dim))]
      : []),
  ]);
  return [...heads, rule, ...body];
}
