import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Node's recursive mkdir never returns where a folder cannot be made for good, as in /proc; this one throws. */
export async function makeFolder(path: string): Promise<void> {
  if (existsSync(path)) return;
  await makeFolder(dirname(path));
  await mkdir(path);
}

/** Writes to `path`.partial, then renames it: nobody ever reads half of the file. A link that lies there is not followed. */
export function writeWhole(path: string, text: string): void {
  rmSync(`${path}.partial`, { force: true });
  writeFileSync(`${path}.partial`, text, { flush: true, flag: 'wx' });
  renameSync(`${path}.partial`, path);
}
