/** The comparison table in characters: a column per policy, a line per row, value and change in one cell. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import picocolors from 'picocolors';
import wrapAnsi from 'wrap-ansi';
import { compactUnit, compactValue } from '../text/compact.ts';
import { filledLines, groupsThatFit } from '../text/groups.ts';
import { printable } from '../text/printable.ts';
import { type Scale, SMALL_CHANGE } from '../text/units.ts';
import { type Cell, markOf, type Row } from './rows.ts';
import { compactLabel } from './short-labels.ts';

interface TableLayout {
  /** Characters that a line has room for. */
  readonly columns: number;
  readonly isColoured: boolean;
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
const MOST_HEAD_LINES = 6;

/** A cell before it is padded. */
interface CellText {
  readonly value: string;
  readonly change: string;
  readonly range: string;
  readonly paint?: 'good' | 'bad';
}

interface Column {
  /** Parts of the name, between which a head may break. */
  readonly name: readonly string[];
  readonly cells: readonly CellText[];
}

/** Lines of the table; of several tables, each with the baseline, if one is too wide. */
export function tableText(rows: readonly Row[], layout: TableLayout): string[] {
  if (rows.length === 0) return [];
  const units = rows.map(({ metric, cells }) =>
    compactUnit(
      metric.unit,
      cells.map(({ spread }) => spread.median),
    ),
  );
  const labels = rows.map(({ metric }, row) =>
    wrapAnsi(printable(compactLabel(metric, units[row])), LONGEST_LABEL).split('\n'),
  );
  const columnsOf = (isShort: boolean) =>
    rows[0].cells.map((_, policy) => columnOf(rows, units, policy, { ...layout, isShort }));
  const full = columnsOf(false);
  if (fitted(labels, full, layout) !== undefined) return linesOf(labels, full, layout);
  const [baseline, ...others] = columnsOf(true);
  const fits = (group: readonly Column[]) => fitted(labels, [baseline, ...group], layout) !== undefined;
  return groupsThatFit(others, fits).flatMap((group, index) => [
    ...(index === 0 ? [] : ['']),
    ...linesOf(labels, [baseline, ...group], layout),
  ]);
}

function columnOf(
  rows: readonly Row[],
  units: readonly Scale[],
  policy: number,
  { changes = 'all', heads, isShort }: TableLayout & { readonly isShort: boolean },
): Column {
  const head = heads?.[policy] ?? shortPolicyName(rows[0].cells[policy].policy);
  const hasChanges = changes === 'all' || policy === 1;
  return {
    name: printable(head)
      .split(/(?=\+)|(?<=-)/)
      .flatMap((part) => part.match(LONGEST_PART) ?? []),
    cells: rows.map(({ cells }, row) => cellText(cells[policy], units[row], hasChanges, isShort)),
  };
}

function cellText(cell: Cell, unit: Scale, hasChange: boolean, isShort: boolean): CellText {
  const { median, min, max } = cell.spread;
  const [from, to] = [compactValue(min, unit), compactValue(max, unit)];
  const isPainted = hasChange && cell.isNoise !== true && cell.isBetter !== undefined;
  return {
    value: compactValue(median, unit),
    change: hasChange ? changeText(cell, isShort) : '',
    range: from === to ? '' : `${from}..${to}`,
    ...(isPainted ? { paint: cell.isBetter === true ? 'good' : 'bad' } : {}),
  };
}

/** In a narrow table, the mark alone says that a value became 0. What hardly changed has no mark. */
function changeText(cell: Cell, isShort: boolean): string {
  const { change, spread } = cell;
  if (change === undefined) return '';
  const mark = change === SMALL_CHANGE ? '' : markOf(cell);
  return isShort && spread.median === 0 && mark !== '' ? mark : `${change}${mark}`;
}

interface Fitted {
  readonly gap: string;
  readonly heads: readonly (readonly string[])[];
  readonly widths: readonly number[];
}

/** Heads in as few lines as fit, and the columns' widths; undefined if no head is narrow enough. */
function fitted(
  labels: readonly (readonly string[])[],
  columns: readonly Column[],
  { columns: room, hasRanges }: TableLayout,
): Fitted | undefined {
  const bodies = columns.map(({ cells }) => bodyWidth(cells, hasRanges === true));
  for (const gap of GAPS) {
    for (let lines = 1; lines <= MOST_HEAD_LINES; lines++) {
      const heads = columns.map(({ name }, index) => headIn(name, lines, bodies[index]));
      const widths = heads.map((head, index) => Math.max(bodies[index], widest(head)));
      const isTooHigh = heads.some((head) => head.length > lines);
      if (isTooHigh || totalOf(labels, widths, gap) > room) continue;
      return withFewerBreaks(labels, columns, { gap, heads, widths }, bodies, room);
    }
  }
  return undefined;
}

const totalOf = (labels: readonly (readonly string[])[], widths: readonly number[], gap: string): number =>
  widths.reduce((sum, width) => sum + gap.length + width, widest(labels.flat()));

/** What room is left goes to names that would be broken: from the left, each takes as few lines as still fits. */
function withFewerBreaks(
  labels: readonly (readonly string[])[],
  columns: readonly Column[],
  { gap, heads, widths }: Fitted,
  bodies: readonly number[],
  room: number,
): Fitted {
  const better = { gap, heads: [...heads], widths: [...widths] };
  for (const [index, { name }] of columns.entries()) {
    for (let lines = 1; lines < better.heads[index].length; lines++) {
      const head = headIn(name, lines, bodies[index]);
      const wider = better.widths.map((width, at) =>
        at === index ? Math.max(bodies[index], widest(head)) : width,
      );
      if (head.length > lines || totalOf(labels, wider, gap) > room) continue;
      better.heads[index] = head;
      better.widths = wider;
      break;
    }
  }
  return better;
}

const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));

function bodyWidth(cells: readonly CellText[], hasRanges: boolean): number {
  const changes = widest(cells.map(({ change }) => change));
  return Math.max(
    widest(cells.map(({ value }) => value)) + (changes === 0 ? 0 : 1 + changes),
    hasRanges ? widest(cells.map(({ range }) => range)) : 0,
  );
}

/** A name in at most so many lines, as narrow as that goes and no narrower than the cells below it. */
function headIn(name: readonly string[], lines: number, least: number): string[] {
  for (let width = Math.max(least, widest(name)); ; width++) {
    const head = filledLines(name, width);
    if (head.length <= lines || width >= name.join('').length) return head;
  }
}

function linesOf(
  labels: readonly (readonly string[])[],
  columns: readonly Column[],
  layout: TableLayout,
): string[] {
  const { gap, heads, widths } = fitted(labels, columns, layout) ?? narrowest(columns, layout);
  const { bold, dim, green, red } = picocolors.createColors(layout.isColoured);
  const labelWidth = widest(labels.flat());
  const height = Math.max(...heads.map(({ length }) => length));
  const lineOf = (label: string, cells: readonly string[]) =>
    [label.padEnd(labelWidth), ...cells].join(gap).trimEnd();
  const head = Array.from({ length: height }, (_, line) =>
    lineOf(
      '',
      heads.map((parts, index) => {
        // The last line of each name stands on the rule.
        const text = parts[line - (height - parts.length)] ?? '';
        return ' '.repeat(widths[index] - text.length) + (text === '' ? '' : bold(text));
      }),
    ),
  );
  const rule = lineOf(
    '─'.repeat(labelWidth),
    widths.map((width) => '─'.repeat(width)),
  );
  const changesWidths = columns.map(({ cells }) => widest(cells.map(({ change }) => change)));
  const body = labels.flatMap((label, row) => [
    ...label.slice(0, -1),
    lineOf(
      label[label.length - 1],
      columns.map(({ cells }, index) => {
        const { value, change, paint } = cells[row];
        const gapped = changesWidths[index] === 0 ? '' : ' '.repeat(1 + changesWidths[index] - change.length);
        const painted = paint === undefined ? change : paint === 'good' ? green(change) : red(change);
        const length = value.length + gapped.length + change.length;
        return ' '.repeat(widths[index] - length) + value + gapped + painted;
      }),
    ),
    ...(layout.hasRanges === true && columns.some(({ cells }) => cells[row].range !== '')
      ? [
          lineOf(
            '',
            columns.map(({ cells }, index) => {
              const { range } = cells[row];
              return ' '.repeat(widths[index] - range.length) + (range === '' ? '' : dim(range));
            }),
          ),
        ]
      : []),
  ]);
  return [...head, rule, ...body];
}

/** For a screen that even two columns are too wide for. */
function narrowest(columns: readonly Column[], { hasRanges }: TableLayout): Fitted {
  const bodies = columns.map(({ cells }) => bodyWidth(cells, hasRanges === true));
  const heads = columns.map(({ name }, index) => headIn(name, MOST_HEAD_LINES, bodies[index]));
  return { gap: ' ', heads, widths: heads.map((head, index) => Math.max(bodies[index], widest(head))) };
}
