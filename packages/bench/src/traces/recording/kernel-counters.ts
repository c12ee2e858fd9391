/** What a kernel counted of its direct map while it was recorded: before, and after. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { readText } from '../../files/read-text.ts';

/** Bytes that the direct map maps by entries of each size. */
export interface DirectMapSizes {
  readonly by4K: number;
  readonly by2M: number;
  readonly by1G: number;
}

export interface KernelCounters {
  /** direct_map_level2_splits and direct_map_level3_splits of /proc/vmstat, after less before. */
  readonly splits2M: number;
  readonly splits1G: number;
  /** DirectMap4k, DirectMap2M and DirectMap1G of /proc/meminfo. */
  readonly before: DirectMapSizes;
  readonly after: DirectMapSizes;
}

/** Undefined if the kernel does not count: arm64 has neither. Throws InputError if a file is missing. */
export function kernelCounters(folder: string): KernelCounters | undefined {
  const textOf = (state: string, name: string) => {
    const path = join(folder, state, name);
    if (existsSync(path)) return readText(path);
    throw new InputError(`${path}: is missing; the recording is incomplete`);
  };
  const [from, to] = ['before', 'after'].map((state) => ({
    splits2M: countIn(textOf(state, 'vmstat'), /^direct_map_level2_splits (\d+)$/m),
    splits1G: countIn(textOf(state, 'vmstat'), /^direct_map_level3_splits (\d+)$/m),
    sizes: sizesOf(textOf(state, 'meminfo')),
  }));
  if (from.splits2M === undefined || to.splits2M === undefined) return undefined;
  if (from.sizes === undefined || to.sizes === undefined) return undefined;
  return {
    splits2M: to.splits2M - from.splits2M,
    splits1G: (to.splits1G ?? 0) - (from.splits1G ?? 0),
    before: from.sizes,
    after: to.sizes,
  };
}

function countIn(text: string, pattern: RegExp): number | undefined {
  const match = pattern.exec(text);
  return match === null ? undefined : Number(match[1]);
}

function sizesOf(meminfo: string): DirectMapSizes | undefined {
  const bytes = (level: string) => {
    const kib = countIn(meminfo, new RegExp(`^DirectMap${level}:\\s+(\\d+) kB$`, 'm'));
    return kib === undefined ? undefined : kib * 1024;
  };
  const [by4K, by2M] = [bytes('4k'), bytes('2M')];
  if (by4K === undefined || by2M === undefined) return undefined;
  // A CPU without 1G pages has no such line.
  return { by4K, by2M, by1G: bytes('1G') ?? 0 };
}
