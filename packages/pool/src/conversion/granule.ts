import { InputError } from '@decpool/model';
import type { Conversion } from './conversion.ts';
import { perUnit } from './per-unit.ts';

/** Default: 64 KiB, the largest page of a host, so that no host has to round up. */
const KIB = 64;
const PAGE_KIB = 4;
const MAX_KIB = 1024;

/**
 * Between page and block: the naturally aligned granules that an allocation lies in, and back when the last allocation in them
 * is freed. Small allocations side by side share one conversion, and at most a granule each is idle. `parameters` are the
 * KiB of a granule, as in `granuleConversion(64)`. Throws InputError for invalid ones.
 */
export function granuleConversion(...parameters: readonly (number | string)[]): Conversion {
  const [kib = KIB] = parameters.map(Number);
  const isPowerOfTwo = Number.isInteger(kib) && (kib & (kib - 1)) === 0;
  if (parameters.length > 1 || !isPowerOfTwo || kib <= PAGE_KIB || kib > MAX_KIB) {
    throw new InputError(
      `conversion 'granule:${parameters.join(':')}': expected granule:KIB, a power of two from ${2 * PAGE_KIB} to ${MAX_KIB}, as in granule:${KIB}`,
    );
  }
  return perUnit(`granule:${kib}`, kib / PAGE_KIB);
}
