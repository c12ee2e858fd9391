/**
 * The page attributes that recordings change, as bits of the model and as bits of an x86 page-table entry
 * (arch/x86/include/asm/pgtable_types.h).
 */
import type { Kernel } from './kernel.ts';

export const METHODS = ['dec', 'uc', 'rox'] as const;
/**
 * How a row converts: `dec` set_memory_decrypted() / _encrypted(), `uc` set_memory_uc() / _wb(), `rox`
 * set_memory_rox() / _rw() and _nx().
 */
export type Method = (typeof METHODS)[number];

const DECRYPTED = 1;
const UNCACHED = 2;
const READ_ONLY = 4;
const EXECUTABLE = 8;

const MASKS: Readonly<Record<Method, number>> = {
  dec: DECRYPTED,
  uc: UNCACHED,
  rox: READ_ONLY | EXECUTABLE,
};

/** The change that `method` makes on `kernel`. set_memory_rox() merges since 6.15 (CPA_COLLAPSE, arch/x86/mm/pat/set_memory.c). */
export function changeBy(
  method: Method,
  set: boolean,
  kernel: Kernel,
): { readonly mask: number; readonly set: boolean; readonly collapse: boolean } {
  const collapses = kernel.major > 6 || (kernel.major === 6 && kernel.minor >= 15);
  return { mask: MASKS[method], set, collapse: method === 'rox' && set && collapses };
}

/** The probe's stand-in for the encryption bit: one that the MMU ignores, set when the page is decrypted. */
const PAGE_DECRYPTED = 1n << 52n;
const PAGE_RW = 1n << 1n;
/** UC- with Linux's PAT: cachemode2protval(_PAGE_CACHE_MODE_UC_MINUS). */
const PAGE_PCD = 1n << 4n;
const PAGE_NX = 1n << 63n;

/** The model's attribute bits of a page-table entry; bits that no method changes are left out. */
export function attributesOfFlags(flags: bigint): number {
  return (
    (flags & PAGE_DECRYPTED ? DECRYPTED : 0) |
    (flags & PAGE_PCD ? UNCACHED : 0) |
    (flags & PAGE_RW ? 0 : READ_ONLY) |
    (flags & PAGE_NX ? 0 : EXECUTABLE)
  );
}

/** `decrypted+uncached`; `plain` when there is none. */
export function attributeNames(attributes: number): string {
  const names = [
    [DECRYPTED, 'decrypted'],
    [UNCACHED, 'uncached'],
    [READ_ONLY, 'read-only'],
    [EXECUTABLE, 'executable'],
  ] as const;
  const present = names.filter(([bit]) => attributes & bit).map(([, name]) => name);
  return present.join('+') || 'plain';
}
