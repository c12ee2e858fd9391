import { lstat } from 'node:fs/promises';
import { InputError } from '@decpool/model';
import { formatByEnding, LOG_FORMATS, type LogFormat } from './format.ts';

/** Throws InputError if something is there already, be it a link that leads nowhere. */
export async function expectFree(path: string): Promise<void> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw new InputError(`${path}: already exists; expected the name of a new file`);
}

export interface NewLog {
  readonly path: string;
  readonly format: LogFormat;
}

/** Throws InputError if the file exists, or if its name does not end as a log's does. */
export async function newLog(path: string): Promise<NewLog> {
  await expectFree(path);
  const format = formatByEnding(path, LOG_FORMATS);
  if (format !== undefined) return { path, format };
  throw new InputError(`${path}: expected a name that ends in ${Object.values(LOG_FORMATS).join(' or ')}`);
}
