/**
 * The folder of a sweep: its definition, every finished cell, and at the end the results. An appended cell stays, even if the
 * process dies.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import * as z from 'zod';
import { messageOf } from '../files/error-text.ts';
import { makeFolder, writeWhole } from '../files/folder.ts';
import { takeLock } from '../files/lock.ts';
import { readableIssue } from '../text/readable-issue.ts';
import { type FinishedCell, finishedCellSchema } from './finished-cell.ts';
import type { SweepPlan } from './plan.ts';

const ABOUT = 'sweep.json';
const CELLS = 'cells.ndjson';
const LOCK = 'lock';

/** What may lie in a folder whose sweep was killed before it had begun. */
const BEFORE_THE_FIRST: readonly RegExp[] = [/^lock(\.\d+)?$/, /^sweep\.json\.partial$/];

const aboutSchema = z.object({ decpool: z.literal('sweep'), identity: z.record(z.string(), z.string()) });

export class SweepFolder {
  readonly path: string;
  /** Cells finished before, by their key. */
  readonly finished: ReadonlyMap<string, FinishedCell>;
  /** Whether the last line was cut off, and dropped: its cell runs again. */
  readonly hasDroppedLine: boolean;
  readonly #cells: number;
  readonly #giveBack: () => void;

  private constructor(path: string, giveBack: () => void) {
    this.path = path;
    this.#giveBack = giveBack;
    const { cells, isCutOff } = readCells(join(path, CELLS));
    this.finished = cells;
    this.hasDroppedLine = isCutOff;
    this.#cells = openSync(join(path, CELLS), 'a');
  }

  /**
   * Makes the folder, or continues it. Throws InputError for a folder of something else, of another sweep, or of a running
   * one.
   */
  static async open(path: string, plan: SweepPlan): Promise<SweepFolder> {
    await expectOurs(path);
    const giveBack = takeLock(join(path, LOCK));
    try {
      const about = join(path, ABOUT);
      const { definition, identity } = plan;
      if (existsSync(about)) expectSame(about, plan);
      else writeWhole(about, `${JSON.stringify({ decpool: 'sweep', identity, definition }, null, 2)}\n`);
      return new SweepFolder(path, giveBack);
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /** When it returns, the cell is on the disk. */
  append(cell: FinishedCell): void {
    const line = Buffer.from(`${JSON.stringify(cell)}\n`);
    for (let written = 0; written < line.length; ) written += writeSync(this.#cells, line, written);
    fsyncSync(this.#cells);
  }

  /** Puts a file of results in its place, whole. */
  write(name: string, text: string): void {
    writeWhole(join(this.path, name), text);
  }

  close(): void {
    closeSync(this.#cells);
    this.#giveBack();
  }
}

async function expectOurs(path: string): Promise<void> {
  let names: string[];
  try {
    await makeFolder(path);
    names = readdirSync(path);
  } catch (error) {
    throw new InputError(`${path}: cannot be used: ${messageOf(error)}`);
  }
  if (names.includes(ABOUT)) return;
  const strange = names.find((name) => !BEFORE_THE_FIRST.some((ours) => ours.test(name)));
  if (strange === undefined) return;
  throw new InputError(
    `${path}: not the folder of a sweep (it has '${strange}', but no ${ABOUT}); name another folder with --out`,
  );
}

function expectSame(about: string, { identity }: SweepPlan): void {
  let before: Readonly<Record<string, string>>;
  try {
    before = aboutSchema.parse(JSON.parse(readFileSync(about, 'utf8'))).identity;
  } catch {
    throw new InputError(`${about}: not written by a sweep; name another folder with --out`);
  }
  const parts = [...new Set([...Object.keys(identity), ...Object.keys(before)])];
  const other = parts.find((part) => identity[part] !== before[part]);
  if (other === undefined) return;
  throw new InputError(
    `${about}: belongs to a different sweep (its ${other} differs); name another folder with --out, or remove this one`,
  );
}

function readCells(path: string): { cells: Map<string, FinishedCell>; isCutOff: boolean } {
  const cells = new Map<string, FinishedCell>();
  if (!existsSync(path)) return { cells, isCutOff: false };
  const bytes = readFileSync(path);
  for (let start = 0, line = 1; start < bytes.length; line++) {
    const end = bytes.indexOf('\n', start);
    const cell = end === -1 ? undefined : cellIn(bytes.toString('utf8', start, end));
    const isLast = end === -1 || end === bytes.length - 1;
    if (cell === undefined && isLast) {
      truncateSync(path, start);
      return { cells, isCutOff: true };
    }
    const parsed = finishedCellSchema.safeParse(cell);
    if (!parsed.success)
      throw new InputError(`${path}:${line}: not a cell of a sweep: ${readableIssue(parsed.error)}`);
    cells.set(parsed.data.key, parsed.data);
    start = end + 1;
  }
  return { cells, isCutOff: false };
}

/** Undefined for what is no JSON. */
function cellIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
