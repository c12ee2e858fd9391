/** The places of blocks on the map, in device pixels: rows of cells by address, and lines that stand for folded rows. */
import { lastAtMost } from '../../../history/last-at-most.ts';
import { addressText } from '../../../text/units.ts';

export interface MapMemory {
  readonly blocks: number;
  readonly blockBytes: number;
  /** By block: 1 if it is RAM. */
  readonly isRam: Uint8Array;
  /** By block: 1 if any policy changed it. */
  readonly isTouched: Uint8Array;
}

export interface View {
  /** CSS pixels for labels and cells. */
  readonly width: number;
  /** Device pixels per CSS pixel. */
  readonly scale: number;
  readonly isFolded: boolean;
}

export interface Row {
  readonly firstBlock: number;
  readonly top: number;
}

export type Layout = Readonly<ReturnType<typeof laidOut>>;

/** CSS pixels. */
const LABELS = 60;
const FOLD_HEIGHT = 20;
const SMALLEST_PITCH = 4;
const LARGEST_PITCH = 15;
/** A higher map does not fit on a screen with its controls. */
const SCREEN_HEIGHT = 640;

const CELL_LIMIT = 8192;
const COLUMNS = [16, 32, 64, 128, 256, 512];

/** The largest cells that show the memory on one screen, with the longest rows. If even the smallest do not, blocks share cells. */
export function layoutOf(memory: MapMemory, view: View): Layout {
  for (let blocksPerCell = 1; ; blocksPerCell *= 2) {
    let best: Layout | undefined;
    for (const columns of COLUMNS) {
      const pitch = Math.max(1, pitchOf(columns, view));
      if (columns > COLUMNS[0] && pitch < (best?.pitch ?? Math.floor(SMALLEST_PITCH * view.scale))) break;
      const layout = laidOut(memory, view, columns, blocksPerCell, pitch);
      const fits = layout.rows.length * columns <= CELL_LIMIT && layout.height <= SCREEN_HEIGHT * view.scale;
      const isOneRow = columns * blocksPerCell >= memory.blocks;
      if (fits || isOneRow) best = layout;
      if (isOneRow) break;
    }
    if (best !== undefined) return best;
  }
}

const pitchOf = (columns: number, { width, scale }: View): number =>
  Math.floor(Math.min(LARGEST_PITCH, (width - LABELS) / columns) * scale);

function laidOut(memory: MapMemory, view: View, columns: number, blocksPerCell: number, pitch: number) {
  const { scale } = view;
  const blocksPerRow = columns * blocksPerCell;
  const foldHeight = Math.round(FOLD_HEIGHT * scale);
  const left = Math.round(LABELS * scale);
  // A map with only lines would show nothing.
  const isFolded = view.isFolded && memory.isTouched.includes(1);
  const rows: Row[] = [];
  const folds: { firstBlock: number; blocks: number; top: number; isHole: boolean }[] = [];
  let top = 0;
  for (const { kind, firstRow, rows: length } of stretches(memory, blocksPerRow)) {
    const firstBlock = firstRow * blocksPerRow;
    const isLeftOut = kind === 'hole' || (kind === 'untouched' && isFolded);
    // A few rows are shown: lines everywhere would hide how the parts of memory lie.
    if (isLeftOut && length * pitch > 2 * foldHeight) {
      const blocks = Math.min(length * blocksPerRow, memory.blocks - firstBlock);
      folds.push({ firstBlock, blocks, top, isHole: kind === 'hole' });
      top += foldHeight;
      continue;
    }
    for (let row = 0; row < length; row++) {
      rows.push({ firstBlock: firstBlock + row * blocksPerRow, top });
      top += pitch;
    }
  }
  return {
    blocks: memory.blocks,
    scale,
    columns,
    blocksPerCell,
    blocksPerRow,
    /** From one cell to the next; `gap` of it is empty. */
    pitch,
    gap: gapOf(pitch, scale),
    /** The left edge of the cells; labels are left of it. */
    left,
    rows,
    folds,
    foldHeight,
    width: left + columns * pitch,
    height: Math.max(top, pitch),
  };
}

/** About a seventh of a cell; 0 for small cells. */
const gapOf = (pitch: number, scale: number): number =>
  pitch < 5 ? 0 : Math.max(1, Math.min(Math.round(2 * scale), Math.floor(pitch / 7)));

interface Stretch {
  kind: 'touched' | 'untouched' | 'hole';
  firstRow: number;
  rows: number;
}

function stretches(memory: MapMemory, blocksPerRow: number): Stretch[] {
  const all: Stretch[] = [];
  const rows = Math.ceil(memory.blocks / blocksPerRow);
  for (let row = 0; row < rows; row++) {
    const kind = kindOfRow(memory, row * blocksPerRow, (row + 1) * blocksPerRow);
    const last = all.at(-1);
    if (last?.kind === kind) last.rows++;
    else all.push({ kind, firstRow: row, rows: 1 });
  }
  return all;
}

function kindOfRow({ isTouched, isRam }: MapMemory, from: number, to: number): Stretch['kind'] {
  if (isTouched.subarray(from, to).includes(1)) return 'touched';
  return isRam.subarray(from, to).includes(1) ? 'untouched' : 'hole';
}

/** Whether at most a quarter of the rows have a block that any policy changed. */
export function isMostlyUntouched(memory: MapMemory, view: Omit<View, 'isFolded'>): boolean {
  const { blocksPerRow, rows } = layoutOf(memory, { ...view, isFolded: false });
  const touched = rows.filter(
    ({ firstBlock }) => kindOfRow(memory, firstBlock, firstBlock + blocksPerRow) === 'touched',
  );
  return touched.length * 4 <= rows.length;
}

/** Cells are numbered row by row; the last row may have fewer. */
export const cellsOf = ({ rows, columns }: Layout): number => rows.length * columns;

/** First block of a cell; it may be beyond the end of memory. */
export function firstBlockOf({ rows, columns, blocksPerCell }: Layout, cell: number): number {
  return rows[Math.floor(cell / columns)].firstBlock + (cell % columns) * blocksPerCell;
}

interface Corner {
  readonly x: number;
  readonly y: number;
}

export function cornerOf({ rows, columns, left, pitch }: Layout, cell: number): Corner {
  return { x: left + (cell % columns) * pitch, y: rows[Math.floor(cell / columns)].top };
}

/** The cell of a block; undefined if its row is folded. */
export function cellOf(layout: Layout, block: number): number | undefined {
  const row = rowOf(layout, block);
  if (row === undefined) return undefined;
  const offset = block - layout.rows[row].firstBlock;
  return row * layout.columns + Math.floor(offset / layout.blocksPerCell);
}

function rowOf({ rows, blocksPerRow, blocks }: Layout, block: number): number | undefined {
  if (block < 0 || block >= blocks) return undefined;
  const row = lastAtMost(rows.length, block, (at) => rows[at].firstBlock);
  return row < 0 || block >= rows[row].firstBlock + blocksPerRow ? undefined : row;
}

/** The cell at a point, in device pixels. */
export function cellAt(layout: Layout, { x, y }: Corner): number | undefined {
  const { rows, columns, left, pitch } = layout;
  const column = Math.floor((x - left) / pitch);
  const row = lastAtMost(rows.length, y, (at) => rows[at].top);
  if (column < 0 || column >= columns || row < 0 || y >= rows[row].top + pitch) return undefined;
  const cell = row * columns + column;
  return firstBlockOf(layout, cell) < layout.blocks ? cell : undefined;
}

const ROWS_BY_KEY: Readonly<Partial<Record<string, number>>> = {
  ArrowUp: -1,
  ArrowDown: 1,
  PageUp: -8,
  PageDown: 8,
};

/** The block that a key leads to from `block`, past folded rows; undefined for other keys. */
export function blockByKey(layout: Layout, block: number, key: string, isWhole: boolean): number | undefined {
  const { rows, blocksPerRow } = layout;
  const row = Math.max(
    0,
    lastAtMost(rows.length, block, (at) => rows[at].firstBlock),
  );
  const column = Math.max(0, Math.min(block - rows[row].firstBlock, blocksPerRow - 1));
  if (key === 'Home') return blockIn(layout, isWhole ? 0 : row, 0);
  if (key === 'End') return blockIn(layout, isWhole ? rows.length - 1 : row, blocksPerRow - 1);
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    const next = row * blocksPerRow + column + (key === 'ArrowLeft' ? -1 : 1);
    const place = Math.max(0, Math.min(next, rows.length * blocksPerRow - 1));
    return blockIn(layout, Math.floor(place / blocksPerRow), place % blocksPerRow);
  }
  const move = ROWS_BY_KEY[key];
  return move === undefined ? undefined : blockIn(layout, row + move, column);
}

function blockIn({ rows, blocks }: Layout, row: number, column: number): number {
  const nearest = Math.max(0, Math.min(row, rows.length - 1));
  return Math.min(rows[nearest].firstBlock + column, blocks - 1);
}

/** Least CSS pixels from one label to the next. */
const LABEL_HEIGHT = 15;
/** Bytes; a multiple of it is a round part of a GiB. */
const SMALLEST_STRIDE = 2 ** 27;

/** Addresses in the middle of rows: the first row after a line, and as many round addresses as there is room for. */
export function rowLabels(
  layout: Layout,
  blockBytes: number,
): { readonly text: string; readonly y: number }[] {
  const { rows, pitch, blocksPerRow, scale } = layout;
  const least = LABEL_HEIGHT * scale;
  let stride = blocksPerRow;
  while ((stride / blocksPerRow) * pitch < least || stride * blockBytes < SMALLEST_STRIDE) stride *= 2;
  const isFirst = (row: number) => row === 0 || rows[row].top !== rows[row - 1].top + pitch;
  const isLabelled = (row: number) => isFirst(row) || rows[row].firstBlock % stride === 0;
  const labels: { text: string; y: number }[] = [];
  for (let row = 0, free = 0; row < rows.length; row++) {
    if (!isLabelled(row) || rows[row].top < free) continue;
    free = rows[row].top + least;
    labels.push({ text: addressText(rows[row].firstBlock * blockBytes), y: rows[row].top + pitch / 2 });
  }
  return labels;
}
