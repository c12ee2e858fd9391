/** What the arm64 platforms have alike. */
import type { NumberSource } from './profile.ts';

export const ARM64 = {
  confidential: true,
  flushBefore: [],
  // PTRS_PER_PTE with 4K pages.
  fullFlushAbovePages: 512,
  restore: false,
  granulePages: 1,
  dmaMinAlign: 128,
} as const;

export const ARM64_SOURCES: readonly NumberSource[] = [
  { number: 'full flush above 512 pages', source: '`MAX_DVM_OPS`, arch/arm64/include/asm/tlbflush.h' },
  { number: 'objects of 128 bytes', source: '`ARCH_DMA_MINALIGN`, arch/arm64/include/asm/cache.h' },
];
