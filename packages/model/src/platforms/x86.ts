/** What the x86 platforms have alike. */
import type { NumberSource } from './profile.ts';

export const X86 = {
  confidential: true,
  directMap: 'split',
  flushAfter: true,
  fullFlushAbovePages: 33,
  restore: false,
  granulePages: 1,
  dmaMinAlign: 8,
} as const;

export const X86_DIRECT_MAP = '1G / 2M / 4K, splits';

export const X86_SOURCES: readonly NumberSource[] = [
  { number: 'full flush above 33 pages', source: '`tlb_single_page_flush_ceiling`, arch/x86/mm/tlb.c' },
  { number: 'objects of 8 bytes', source: '`ARCH_KMALLOC_MINALIGN`, include/linux/slab.h' },
  {
    number: 'full flush for any size by vmalloc address',
    source: '`cpa_flush()` of an alias, arch/x86/mm/pat/set_memory.c',
  },
];
