/** What the arm64 platforms have alike. */
import type { NumberSource } from './profile.ts';

export const ARM64 = {
  confidential: true,
  flushBefore: [],
  // FEAT_TLBIRANGE, which every CPU with a confidential VM has (Armv8.4): (31 + 1) << (5 * 3 + 1).
  fullFlushAbovePages: 2 ** 21,
  restore: false,
  granulePages: 1,
  dmaMinAlign: 128,
} as const;

export const ARM64_SOURCES: readonly NumberSource[] = [
  {
    number: 'full flush above 2,097,152 pages',
    source: '`MAX_TLBI_RANGE_PAGES`, arch/arm64/include/asm/tlbflush.h',
  },
  { number: 'objects of 128 bytes', source: '`ARCH_DMA_MINALIGN`, arch/arm64/include/asm/cache.h' },
];
