import { cca } from './cca.ts';
import type { PlatformProfile } from './profile.ts';

/** Arm CCA realm with FEAT_BBML3: large and contiguous entries, split where an end of a range lies inside one. */
export const ccaBbml3 = {
  platform: { ...cca.platform, name: 'cca-bbml3', directMap: 'contiguous', flushesSplits: false },
  acceptsPages: [],
  flushesCache: [],
  coherentMemory: 'page allocator',
  endsIfHostRefuses: false,
  texts: {
    ...cca.texts,
    directMap: '1G / 32M / 2M / 64K / 4K, splits where a range begins and ends',
  },
  sources: [
    ...cca.sources,
    {
      number: 'no TLB flush for a split: the new entries map the same',
      source: '`split_kernel_leaf_mapping()`, `split_pud()`, `split_pmd()`, arch/arm64/mm/mmu.c',
    },
    {
      number: '16 entries in a contiguous run: 32M, 64K',
      source: '`CONT_PMDS`, `CONT_PTES`, arch/arm64/include/asm/pgtable-hwdef.h',
    },
  ],
} as const satisfies PlatformProfile;
