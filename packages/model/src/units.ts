/**
 * The numbers of the model, branded so that a page frame number cannot be passed where an allocation
 * id is meant. A brand costs nothing at run time.
 */
declare const unit: unique symbol;

/** A page frame number: physical address >> 12. */
export type Pfn = number & { readonly [unit]: 'pfn' };
/** Index of an aligned 2 MiB block of physical memory: pfn / pages per block. */
export type BlockIndex = number & { readonly [unit]: 'block' };
/** Number of a slab, from 1 in the order in which they are made. */
export type SlabId = number & { readonly [unit]: 'slab' };
/** Identity of one allocation; given by the caller, never used twice in a log. Starts at 1. */
export type AllocationId = number & { readonly [unit]: 'allocation' };
/** Simulated time in ns since the start of the run. */
export type Nanoseconds = number & { readonly [unit]: 'ns' };

/** Brands a page frame number; unchecked. */
export const pfn = (value: number): Pfn => value as Pfn;
/** Brands the index of a block; unchecked. */
export const blockIndex = (value: number): BlockIndex => value as BlockIndex;
/** Brands the number of a slab; unchecked. */
export const slabId = (value: number): SlabId => value as SlabId;
/** Brands the number of an allocation; unchecked. */
export const allocationId = (value: number): AllocationId => value as AllocationId;
/** Brands a simulated time in ns; unchecked. */
export const nanoseconds = (value: number): Nanoseconds => value as Nanoseconds;

/** PAGE_SHIFT and PAGE_SIZE of every guest that is modelled: pages of 4 KiB. */
export const PAGE_SHIFT = 12;
/** Bytes of a page. */
export const PAGE_SIZE = 1 << PAGE_SHIFT;

/** Highest order the page allocator serves: MAX_PAGE_ORDER, include/linux/mmzone.h. */
export const MAX_PAGE_ORDER = 10;

/** Smallest order whose 2^order pages hold `pages` pages (get_order(), include/asm-generic/getorder.h). */
export function orderFor(pages: number): number {
  return pages <= 1 ? 0 : 32 - Math.clz32(pages - 1);
}

/** Whole pages that hold `bytes` bytes (PFN_UP, include/linux/pfn.h), for pages of 2^pageShift bytes. */
export function pagesFor(bytes: number, pageShift: number): number {
  return Math.ceil(bytes / (1 << pageShift));
}
