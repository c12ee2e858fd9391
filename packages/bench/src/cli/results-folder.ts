import { existsSync, rmSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { messageOf } from '../files/error-text.ts';
import { makeFolder } from '../files/folder.ts';
import { takeLock } from '../files/lock.ts';

/** File that marks a folder as results of ours, so that it may be replaced. */
const MARK = 'results.json';

/** Throws InputError when `path` is a folder that we did not make, or no folder. */
export async function expectReplaceable(path: string): Promise<void> {
  if (!existsSync(path) || existsSync(join(path, MARK))) return;
  const entries = await readdir(path).catch(() => {
    throw new InputError(`${path}: is not a folder; name another one with --out`);
  });
  if (entries.length > 0) {
    throw new InputError(
      `${path}: not a folder of results (it has no ${MARK}); name another folder with --out`,
    );
  }
}

/**
 * A folder of results in the making. Everything is written beside its place and moved there at the end: a run that
 * fails leaves the results before it as they were. One run writes there at a time.
 */
export class ResultsFolder {
  readonly path: string;
  /** Where it is until it is published. */
  readonly partial: string;
  readonly #giveBack: () => void;

  private constructor(path: string, giveBack: () => void) {
    this.path = path;
    this.partial = `${path}.partial`;
    this.#giveBack = giveBack;
  }

  /** Throws InputError as expectReplaceable() does, when another run writes there, and when the disk refuses. */
  static async create(path: string): Promise<ResultsFolder> {
    await expectReplaceable(path);
    const folder = new ResultsFolder(path, await lockBeside(path));
    try {
      await rm(folder.partial, { recursive: true, force: true });
      await makeFolder(folder.logs);
    } catch (error) {
      folder.#giveBack();
      throw notWritten(path, error);
    }
    return folder;
  }

  /** Where event logs go. */
  get logs(): string {
    return join(this.partial, 'logs');
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(join(this.partial, name), text);
  }

  /** Puts the results in their place. */
  async publish(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    await rename(this.partial, this.path);
    this.#giveBack();
  }

  /** Leaves nothing behind. */
  discard(): void {
    rmSync(this.partial, { recursive: true, force: true });
    this.#giveBack();
  }

  /** Leaves what was written until now where it is, until the next run: the logs in it can be recovered. */
  keep(): void {
    this.#giveBack();
  }
}

async function lockBeside(path: string): Promise<() => void> {
  try {
    await makeFolder(dirname(path));
    return takeLock(`${path}.lock`);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${path}: ${error.message}`) : notWritten(path, error);
  }
}

const notWritten = (path: string, error: unknown) =>
  new InputError(`${path}: cannot be written: ${messageOf(error)}`);
