import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './error-text.ts';

/** Node's recursive mkdir never returns where a folder cannot be made for good, as in /proc; this one throws. */
export async function makeFolder(path: string): Promise<void> {
  if (existsSync(path)) return;
  await makeFolder(dirname(path));
  await mkdir(path);
}

/** Writes to `path`.partial, then renames it: nobody ever reads half of the file. A link that lies there is not followed. Nothing is left if it fails. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.partial`;
  rmSync(partial, { force: true });
  try {
    writeFileSync(partial, text, { flush: true, flag: 'wx' });
    renameSync(partial, path);
  } catch (error) {
    // Of another process that writes it at this moment.
    if (codeOf(error) !== 'EEXIST') rmSync(partial, { force: true });
    throw error;
  }
}
