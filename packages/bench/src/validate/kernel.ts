import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { z } from 'zod';
import { readText } from './read-text.ts';

/** The kernel that a recording was made on. */
export interface Kernel {
  /** As written in meta.json, up to the first space: `6.1.192-2`. */
  readonly version: string;
  readonly major: number;
  readonly minor: number;
}

const Meta = z.object({ kernel: z.string() });

/** The kernel named by the meta.json beside a recording. Throws InputError when that is missing or unreadable. */
export function kernelOf(recording: string): Kernel {
  const path = join(dirname(recording), 'meta.json');
  if (!existsSync(path)) {
    throw new InputError(
      `${path}: missing; expected the kernel version of ${recording}, such as {"kernel": "6.1.192"}: ` +
        'only 6.15 and later merge mappings in set_memory_rox()',
    );
  }
  const text = readText(path);
  let meta: unknown;
  try {
    meta = JSON.parse(text);
  } catch {
    throw new InputError(`${path}: not JSON; expected {"kernel": "6.1.192"}`);
  }
  const { success, data } = Meta.safeParse(meta);
  const version = success ? /^(\d+)\.(\d+)\S*/.exec(data.kernel) : null;
  if (version === null) {
    throw new InputError(`${path}: names no kernel version; expected {"kernel": "6.1.192"}`);
  }
  return { version: version[0], major: Number(version[1]), minor: Number(version[2]) };
}
