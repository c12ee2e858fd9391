/** Finished cells, a line of JSON each. An appended cell stays, even if the process dies. */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { InputError } from '@decpool/model';
import { readableIssue } from '../text/readable-issue.ts';
import { type FinishedCell, finishedCellSchema } from './finished-cell.ts';

export interface ReadCells {
  /** By their keys, in the order of the lines. */
  readonly cells: ReadonlyMap<string, FinishedCell>;
  /** Length of the lines that are whole, in bytes. */
  readonly wholeBytes: number;
  /** Whether a last line is cut off: the process was killed while it wrote. */
  readonly isCutOff: boolean;
}

/** Throws InputError that names the line of what is no cell. */
export function readCells(path: string): ReadCells {
  const cells = new Map<string, FinishedCell>();
  if (!existsSync(path)) return { cells, wholeBytes: 0, isCutOff: false };
  const bytes = readFileSync(path);
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const end = bytes.indexOf('\n', start);
    const cell = end === -1 ? undefined : jsonIn(bytes.toString('utf8', start, end));
    const isLast = end === -1 || end === bytes.length - 1;
    if (cell === undefined && isLast) return { cells, wholeBytes: start, isCutOff: true };
    const parsed = finishedCellSchema.safeParse(cell);
    if (!parsed.success)
      throw new InputError(`${path}:${line}: not a cell of a sweep: ${readableIssue(parsed.error)}`);
    // Of two lines for one cell the first counts.
    if (!cells.has(parsed.data.key)) cells.set(parsed.data.key, parsed.data);
    start = end + 1;
  }
  return { cells, wholeBytes: start, isCutOff: false };
}

/** Undefined for what is no JSON. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Appends cells to a file. A last line that is cut off is dropped first. */
export class CellsFile {
  readonly read: ReadCells;
  readonly #file: number;

  constructor(path: string) {
    this.read = readCells(path);
    if (this.read.isCutOff) truncateSync(path, this.read.wholeBytes);
    this.#file = openSync(path, 'a');
  }

  /** When it returns, the cells are on the disk. */
  append(cells: readonly FinishedCell[]): void {
    const lines = Buffer.from(cells.map((cell) => `${JSON.stringify(cell)}\n`).join(''));
    for (let written = 0; written < lines.length; ) written += writeSync(this.#file, lines, written);
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}
