import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { readText } from '../files/read-text.ts';

/** The kernel that made a recording. */
export interface Kernel {
  /** As written in meta.json, up to the first space: `6.1.192-2`. */
  readonly version: string;
  readonly major: number;
  readonly minor: number;
}

export const isFrom = (kernel: Kernel, major: number, minor: number): boolean =>
  kernel.major > major || (kernel.major === major && kernel.minor >= minor);

const EXPECTED = 'expected {"kernel": "6.1.192"}';

/** The kernel named by the meta.json beside a recording. Throws InputError if that is missing or malformed. */
export function kernelOf(recording: string): Kernel {
  const path = join(dirname(recording), 'meta.json');
  if (!existsSync(path)) {
    throw new InputError(
      `${path}: missing; expected the kernel version of ${recording}, such as {"kernel": "6.1.192"}`,
    );
  }
  const text = readText(path);
  let meta: unknown;
  try {
    meta = JSON.parse(text);
  } catch {
    throw new InputError(`${path}: not JSON; ${EXPECTED}`);
  }
  const kernel = typeof meta === 'object' && meta !== null && 'kernel' in meta ? meta.kernel : undefined;
  const version = /^(\d+)\.(\d+)\S*/.exec(typeof kernel === 'string' ? kernel : '');
  if (version === null) throw new InputError(`${path}: names no kernel version; ${EXPECTED}`);
  return { version: version[0], major: Number(version[1]), minor: Number(version[2]) };
}
