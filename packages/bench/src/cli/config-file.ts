import { resolve } from 'node:path';
import { InputError } from '@decpool/model';
import { isFile } from '../files/stats.ts';
import { defaultExportOf } from '../files/user-file.ts';

/** In this order; the first that is there counts. */
const CONFIG_FILES = ['decpool.config.ts', 'decpool.config.mts', 'decpool.config.js', 'decpool.config.mjs'];

/** The file that is named, or else the one in the working directory. Throws InputError for a named one that is not there. */
export function configFile(named: string | undefined): string | undefined {
  if (named === undefined) return CONFIG_FILES.find(isFile);
  if (!isFile(named)) throw new InputError(`--config '${named}': there is no such file`);
  return named;
}

/** What it exports. It is run for that. Throws InputError for a file that cannot be loaded. */
export const readConfig = (file: string): Promise<unknown> => defaultExportOf(resolve(file), 'config file');
