/**
 * The page attributes that recordings change: bits of the model, and of an x86 page-table entry
 * (arch/x86/include/asm/pgtable_types.h).
 */
import { isFrom, type Kernel } from './kernel.ts';

/** `dec`: set_memory_decrypted() / _encrypted(); `uc`: set_memory_uc() / _wb(); `rox`: set_memory_rox() / _rw() and _nx(). */
export const METHODS = ['dec', 'uc', 'rox'] as const;
export type Method = (typeof METHODS)[number];

/** `entry` is the bit of a page-table entry, and whether it is set in a page with the attribute. */
const ATTRIBUTES = [
  // The probe marks decrypted pages with a bit that the MMU ignores.
  { name: 'decrypted', bit: 1, method: 'dec', entry: { bit: 1n << 52n, set: true } },
  // PCD: UC- with Linux's PAT, cachemode2protval(_PAGE_CACHE_MODE_UC_MINUS).
  { name: 'uncached', bit: 2, method: 'uc', entry: { bit: 1n << 4n, set: true } },
  // RW and NX.
  { name: 'read-only', bit: 4, method: 'rox', entry: { bit: 1n << 1n, set: false } },
  { name: 'executable', bit: 8, method: 'rox', entry: { bit: 1n << 63n, set: false } },
] as const;

const bitsOf = (attributes: readonly { readonly bit: number }[]) =>
  attributes.reduce((bits, { bit }) => bits | bit, 0);

/** The change that `method` makes. set_memory_rox() collapses since 6.15 (CPA_COLLAPSE, arch/x86/mm/pat/set_memory.c). */
export function changeBy(method: Method, set: boolean, kernel: Kernel) {
  return {
    mask: bitsOf(ATTRIBUTES.filter((attribute) => attribute.method === method)),
    set,
    collapse: method === 'rox' && set && isFrom(kernel, 6, 15),
  };
}

/** The model's attribute bits of a page-table entry. Bits that no method changes are left out. */
export function attributesOfFlags(flags: bigint): number {
  return bitsOf(ATTRIBUTES.filter(({ entry }) => ((flags & entry.bit) !== 0n) === entry.set));
}

/** `decrypted+uncached`; `plain` if there is none. */
export function attributeNames(attributes: number): string {
  const present = ATTRIBUTES.filter(({ bit }) => attributes & bit).map(({ name }) => name);
  return present.join('+') || 'plain';
}
