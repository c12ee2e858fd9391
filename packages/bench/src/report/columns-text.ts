/** The comparison table in characters: a column for each policy, in as many tables as the width asks for, the baseline in each. */
import picocolors from 'picocolors';
import wrapAnsi from 'wrap-ansi';
import { printable } from '../cli/printable.ts';
import { groupsThatFit } from './groups.ts';
import { type Cell, markOf, type Row } from './rows.ts';
import type { Screen } from './screen.ts';

/** Cells with value and change in one line, or in two. */
type Layout = 'inline' | 'stacked';

const GAP = '  ';
/** Widest that the labels of rows may be where room is short. */
const LABELS = { inline: 27, stacked: 20 } as const;

/** Lines of the same width, to which colours are added only when they stand. */
interface Piece {
  readonly text: string;
  readonly paint?: 'good' | 'bad';
}
type Line = readonly Piece[];

/** Of a name that has no better place to be broken at. */
const LONGEST_PART = /.{1,24}/gsu;

interface Column {
  readonly head: readonly string[];
  readonly width: number;
  /** Of each row, aligned to the right. */
  readonly cells: readonly (readonly Line[])[];
}

const lengthOf = (line: Line): number => line.reduce((sum, { text }) => sum + text.length, 0);
const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length));

/** The tables' lines: in one table with values and changes side by side if that fits, then one with changes below values, then several. */
export function columnsText(rows: readonly Row[], screen: Screen): string[] {
  if (rows.length === 0) return [];
  const policies = rows[0].cells.map((_, index) => index);
  for (const layout of ['inline', 'stacked'] as const) {
    const columns = policies.map((policy) => columnOf(rows, policy, layout));
    const labels = labelsOf(rows, layout);
    if (widthOf(labels, columns) <= screen.columns) return tableOf(labels, columns, screen);
  }
  const labels = labelsOf(rows, 'stacked');
  const [baseline, ...others] = policies.map((policy) => columnOf(rows, policy, 'stacked'));
  // One beside the baseline at least.
  const groups = groupsThatFit(others, (group) => widthOf(labels, [baseline, ...group]) <= screen.columns);
  return groups.flatMap((group, index) => [
    ...(index === 0 ? [] : ['']),
    ...tableOf(labels, [baseline, ...group], screen),
  ]);
}

const widthOf = (labels: readonly (readonly string[])[], columns: readonly Column[]): number =>
  widest(labels.flat()) + columns.reduce((sum, { width }) => sum + GAP.length + width, 0);

const labelsOf = (rows: readonly Row[], layout: Layout): string[][] =>
  rows.map(({ metric }) => wrapAnsi(printable(metric.label), LABELS[layout]).split('\n'));

function columnOf(rows: readonly Row[], policy: number, layout: Layout): Column {
  const cells = rows.map((row) => row.cells[policy]);
  const lines = layout === 'inline' ? inlineCells(cells) : stackedCells(cells);
  const body = Math.max(...lines.flat().map(lengthOf));
  const name = printable(cells[0].policy)
    .split(/(?=\+)/)
    .flatMap((part) => part.match(LONGEST_PART) ?? []);
  const [least] =
    layout === 'inline' ? [widest(name)] : [widest(name.flatMap((part) => part.split(/(?<=-)/)))];
  const width = Math.max(body, least);
  const head = name.flatMap((part) => wrapName(part, width));
  return { head, width, cells: lines };
}

/** Breaks a name behind its hyphens where it is too long. */
function wrapName(name: string, width: number): string[] {
  const lines = [''];
  for (const part of name.split(/(?<=-)/)) {
    if (lines[lines.length - 1].length + part.length > width) lines.push('');
    lines[lines.length - 1] += part;
  }
  return lines.filter((line) => line !== '');
}

/** Value, change and mark stand below those of the row before. */
function inlineCells(cells: readonly Cell[]): Line[][] {
  const values = widest(cells.map(({ value }) => value));
  const changes = widest(cells.map(({ change = '' }) => change));
  return cells.map((cell) => {
    const { change, range } = cell;
    const value = { text: cell.value.padStart(values) };
    const line =
      change === undefined
        ? [value]
        : [value, { text: GAP }, painted(`${change.padStart(changes)} ${markOf(cell)}`, cell)];
    return range === undefined ? [line] : [line, [{ text: range }]];
  });
}

function stackedCells(cells: readonly Cell[]): Line[][] {
  return cells.map((cell) => [
    [{ text: cell.value }],
    ...(cell.change === undefined ? [] : [[painted(`${cell.change} ${markOf(cell)}`.trimEnd(), cell)]]),
    ...(cell.range === undefined ? [] : [[{ text: withoutUnit(cell.range, cell.value) }]]),
  ]);
}

/** A range in the unit of the value above it need not say it again. */
function withoutUnit(range: string, value: string): string {
  const unit = / \S+$/.exec(value)?.[0];
  const has =
    unit !== undefined && range.endsWith(unit) && range.indexOf(unit) === range.length - unit.length;
  return has ? range.slice(0, -unit.length) : range;
}

function painted(text: string, { isBetter, isNoise }: Cell): Piece {
  if (isNoise === true || isBetter === undefined) return { text };
  return { text, paint: isBetter ? 'good' : 'bad' };
}

function tableOf(
  labels: readonly (readonly string[])[],
  columns: readonly Column[],
  { isColoured }: Screen,
): string[] {
  const { green, red, bold } = picocolors.createColors(isColoured);
  const width = widest(labels.flat());
  const paints = { good: green, bad: red };
  const heads = Math.max(...columns.map(({ head }) => head.length));
  const head = Array.from({ length: heads }, (_, line) =>
    columns.map(({ head, width }) => bold((head[line] ?? '').padStart(width))),
  ).map((parts) => [' '.repeat(width), ...parts].join(GAP));
  const rule = [width, ...columns.map((column) => column.width)].map((length) => '─'.repeat(length));
  const body = labels.flatMap((label, row) => {
    const height = Math.max(label.length, ...columns.map(({ cells }) => cells[row].length));
    return Array.from({ length: height }, (_, line) =>
      [
        (label[line] ?? '').padEnd(width),
        ...columns.map((column) => {
          const pieces = column.cells[row][line] ?? [];
          const pad = ' '.repeat(column.width - lengthOf(pieces));
          return pad + pieces.map(({ text, paint }) => (paint ? paints[paint](text) : text)).join('');
        }),
      ].join(GAP),
    );
  });
  return [...head, rule.join(GAP), ...body].map((line) => line.trimEnd());
}
