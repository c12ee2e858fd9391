import { lstat } from 'node:fs/promises';
import { InputError } from '@decpool/model';

/** Throws InputError when something is there already, be it a link that leads nowhere. */
export async function expectFree(path: string): Promise<void> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw new InputError(`${path}: already exists; expected the name of a new file`);
}
