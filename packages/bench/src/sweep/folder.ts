/** The folder of a sweep: what it is, every finished cell, and at the end the results. */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import * as z from 'zod';
import { codeOf, messageOf, notWrittenText } from '../files/error-text.ts';
import { makeFolder, writeWhole } from '../files/folder.ts';
import { readJson } from '../files/json.ts';
import { takeLock } from '../files/lock.ts';
import { VERSION } from '../files/version.ts';
import { CellsFile, readCells } from './cells-file.ts';
import type { FinishedCell } from './finished-cell.ts';
import { differenceOf, type Identity } from './identity.ts';
import { outlineSchema, type SweepOutline } from './outline.ts';

const ABOUT = 'sweep.json';
const CELLS = 'cells.ndjson';
const LOCK = 'lock';
const ID = 'folder-id';

/** What may lie in a folder whose sweep was killed before it had begun. */
const BEFORE_THE_FIRST: readonly RegExp[] = [/^lock(\.\d+)?$/, /^sweep\.json\.partial$/];

/** What a folder is of. */
export interface SweepAbout {
  readonly identity: Identity;
  readonly outline: SweepOutline;
}

const identitySchema = z.object({ decpool: z.literal('sweep'), identity: z.record(z.string(), z.string()) });
const aboutSchema = z.strictObject({
  ...identitySchema.shape,
  /** Of the program that began the folder. */
  decpoolVersion: z.string(),
  ...outlineSchema.shape,
});

export class SweepFolder {
  readonly path: string;
  readonly #cells: CellsFile;
  readonly #giveBack: () => void;

  private constructor(path: string, giveBack: () => void) {
    this.path = path;
    this.#giveBack = giveBack;
    this.#cells = new CellsFile(join(path, CELLS));
  }

  /**
   * Makes the folder, or continues it. Throws InputError for a folder of something else, of another sweep, or of a running
   * one.
   */
  static async open(path: string, { identity, outline }: SweepAbout): Promise<SweepFolder> {
    await expectOurs(path);
    const giveBack = writing(path, () => takeLock(join(path, LOCK)));
    try {
      const about = join(path, ABOUT);
      const begun = { decpool: 'sweep', decpoolVersion: VERSION, identity, ...outline };
      if (existsSync(about)) expectSame(about, identity);
      else writing(about, () => writeWhole(about, `${JSON.stringify(begun, null, 2)}\n`));
      return writing(path, () => new SweepFolder(path, giveBack));
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /** Cells finished before, by their keys, in the order in which they finished. */
  get finished(): ReadonlyMap<string, FinishedCell> {
    return this.#cells.read.cells;
  }

  /** Whether the last line was cut off, and dropped: its cell runs again. */
  get hasDroppedLine(): boolean {
    return this.#cells.read.isCutOff;
  }

  /** When it returns, the cells are on the disk. */
  append(cells: readonly FinishedCell[]): void {
    this.#writing(CELLS, () => this.#cells.append(cells));
  }

  /** A name for this folder on a server, which no other folder has. */
  id(): string {
    const path = join(this.path, ID);
    if (!existsSync(path)) writeWhole(path, `${randomUUID()}\n`);
    return readFileSync(path, 'utf8').trim();
  }

  /** Puts a file of results in its place, whole. */
  write(name: string, text: string): void {
    this.#writing(name, () => writeWhole(join(this.path, name), text));
  }

  #writing(name: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      const why = notWrittenText(join(this.path, name), error);
      throw new InputError(`${why}; finished cells are kept, and the same command continues`);
    }
  }

  close(): void {
    this.#cells.close();
    this.#giveBack();
  }
}

/** Makes an InputError of an error of the file system. */
function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw codeOf(error) === undefined ? error : new InputError(notWrittenText(path, error));
  }
}

/** A folder as it is found: its sweep may be running. */
export interface SweepPart extends SweepAbout {
  readonly path: string;
  /** Of decpool. */
  readonly version: string;
  readonly cells: ReadonlyMap<string, FinishedCell>;
}

export const isSweepFolder = (path: string): boolean => existsSync(join(path, ABOUT));

/** Throws InputError for what is no folder of a sweep. */
export function readPart(path: string): SweepPart {
  if (!isSweepFolder(path)) {
    throw new InputError(
      `${path}: not the folder of a sweep (it has no ${ABOUT}); expected an --out of decpool sweep`,
    );
  }
  const { identity, decpoolVersion, decpool: _, ...outline } = readJson(join(path, ABOUT), aboutSchema);
  return { path, identity, outline, version: decpoolVersion, cells: readCells(join(path, CELLS)).cells };
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

function expectSame(about: string, identity: Identity): void {
  let before: Identity;
  try {
    before = identitySchema.parse(JSON.parse(readFileSync(about, 'utf8'))).identity;
  } catch {
    throw new InputError(`${about}: not written by a sweep; name another folder with --out`);
  }
  const other = differenceOf(before, identity);
  if (other === undefined) return;
  throw new InputError(
    `${about}: belongs to a different sweep (its ${other.part} differs); name another folder with --out, or remove this one`,
  );
}
