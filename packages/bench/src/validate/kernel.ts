import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
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

const UNKNOWN = 'unknown';

export const isUnknown = (kernel: Kernel): boolean => kernel.version === UNKNOWN;

/** A kernel that nothing names: the oldest, or from 6.15 on if it counted collapses, as kernels do since then. */
export const unknownKernel = (countsCollapses: boolean): Kernel =>
  countsCollapses ? { version: UNKNOWN, major: 6, minor: 15 } : { version: UNKNOWN, major: 0, minor: 0 };

/** The kernel named by the meta.json beside a recording; undefined without that file. Throws InputError if it is malformed. */
export function kernelOf(recording: string): Kernel | undefined {
  const path = join(dirname(recording), 'meta.json');
  if (!existsSync(path)) return undefined;
  const [version] = readJson(path, metaSchema).kernel.split(' ');
  const [major, minor] = version.split('.').map(Number.parseFloat);
  return { version, major, minor };
}
