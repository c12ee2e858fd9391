import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { tracesPath } from '../../files/resource.ts';

const FOLDER = tracesPath('exact/');

/** Names of the exact memory states that come with decpool, as in `k73/fresh-mix-1`; none if its examples are not there. */
export function bundledStates(): string[] {
  if (!existsSync(FOLDER)) return [];
  const folders = (path: string) =>
    readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  return folders(FOLDER).flatMap((kernel) => folders(join(FOLDER, kernel)).map((run) => `${kernel}/${run}`));
}

/** The path of a memory state: a bundled one may be given by its name, unless there is such a path. */
export const memoryStatePath = (path: string): string =>
  !existsSync(path) && bundledStates().includes(path) ? join(FOLDER, path) : path;
