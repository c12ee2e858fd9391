import { type Stats, statSync } from 'node:fs';
import { InputError } from '@decpool/model';
import { messageOf } from './error-text.ts';

const NOTHING_THERE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

/**
 * What is at a path that a user gave; undefined if nothing is, also if the path goes on below a file: Node 20 throws for those even with
 * throwIfNoEntry. Throws InputError for a path that cannot be looked at.
 */
export function statsAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && NOTHING_THERE.has(error.code)) return undefined;
    throw new InputError(`${path}: cannot be read (${messageOf(error)})`);
  }
}

export const isFile = (path: string): boolean => statsAt(path)?.isFile() === true;

export const isFolder = (path: string): boolean => statsAt(path)?.isDirectory() === true;
