import { ARM64, ARM64_SOURCES } from './arm64.ts';
import type { PlatformProfile } from './profile.ts';

/** Arm CCA realm without FEAT_BBML3. A conversion makes the entries invalid, calls the host, and makes them valid again. */
export const cca = {
  platform: {
    ...ARM64,
    name: 'cca',
    hostCalls: { kind: 'per-range' },
    directMap: 'pages',
    pageTablePasses: 2,
    flushAfter: true,
    vmallocAddress: 'rejected',
    strayRead: 'fixed up',
  },
  acceptsPages: [],
  flushesCache: [],
  coherentMemory: 'page allocator',
  endsIfHostRefuses: false,
  texts: {
    directMap: 'all 4K from boot (no FEAT_BBML3), nothing to split',
    hostCalls: 'one per contiguous range',
    pageTablePasses: '2 (invalid, valid)',
    flushes: '1',
    vmallocAddress: 'rejected (-EINVAL)',
    strayRead: 'fault that is fixed up: the entry is invalid meanwhile',
    accept: '0',
  },
  sources: [
    {
      number: 'two passes, one `RSI_IPA_STATE_SET` a range, -EINVAL',
      source: 'arch/arm64/mm/pageattr.c',
    },
    ...ARM64_SOURCES,
  ],
} as const satisfies PlatformProfile;
