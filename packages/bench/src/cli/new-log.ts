import { InputError } from '@decpool/model';
import { LOG_FORMATS } from '../log/format.ts';
import { expectFree } from '../log/new-file.ts';
import type { NewLog } from '../rerun/serve-again.ts';

/** Throws InputError if the file exists, or if its name does not end as a log's does. */
export async function newLog(path: string): Promise<NewLog> {
  await expectFree(path);
  for (const [format, ending] of Object.entries(LOG_FORMATS)) {
    if (path.endsWith(ending)) return { path, format: format as NewLog['format'] };
  }
  throw new InputError(`${path}: expected a name that ends in ${Object.values(LOG_FORMATS).join(' or ')}`);
}
