import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { z } from 'zod';
import { readJson } from '../files/json.ts';

export interface Kernel {
  /** As written in meta.json, up to the first space: `6.1.192-2`. */
  readonly version: string;
  readonly major: number;
  readonly minor: number;
}

export const isFrom = (kernel: Kernel, major: number, minor: number): boolean =>
  kernel.major > major || (kernel.major === major && kernel.minor >= minor);

const metaSchema = z.object(
  { kernel: z.string().regex(/^\d+\.\d+/, 'expected a kernel version such as 6.1.192') },
  'expected {"kernel": "6.1.192"}',
);

/** The kernel named by the meta.json beside a recording. Throws InputError if that is missing or malformed. */
export function kernelOf(recording: string): Kernel {
  const path = join(dirname(recording), 'meta.json');
  if (!existsSync(path)) {
    throw new InputError(
      `${path}: missing; expected the kernel version of ${recording}, such as {"kernel": "6.1.192"}`,
    );
  }
  const [version] = readJson(path, metaSchema).kernel.split(' ');
  const [major, minor] = version.split('.').map(Number.parseFloat);
  return { version, major, minor };
}
