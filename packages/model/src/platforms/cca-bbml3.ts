import { cca } from './cca.ts';
import type { PlatformProfile } from './profile.ts';

/** Arm CCA realm with FEAT_BBML3: large and contiguous entries, split where an end of a range lies inside one. */
export const ccaBbml3 = {
  platform: { ...cca.platform, name: 'cca-bbml3', directMap: 'contiguous' },
  acceptsPages: [],
  flushesCache: [],
  texts: {
    ...cca.texts,
    directMap: '1G / 32M / 2M / 64K / 4K, splits where a range begins and ends',
  },
  sources: [
    ...cca.sources,
    {
      number: '16 entries in a contiguous run: 32M, 64K',
      source: '`CONT_PMDS`, `CONT_PTES`, arch/arm64/include/asm/pgtable-hwdef.h',
    },
  ],
} as const satisfies PlatformProfile;
