import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** For specs: folders of recordings that are not part of the project, from $DECPOOL_RECORDINGS, with `:` between them. */
export const RECORDINGS: readonly string[] = (process.env['DECPOOL_RECORDINGS'] ?? '')
  .split(':')
  .filter(Boolean);

/** For specs: the folder of them that has such a path; undefined if none has. */
export const recordingsWith = (path: string): string | undefined =>
  RECORDINGS.find((folder) => existsSync(join(folder, path)));
