import type { PlatformProfile } from './profile.ts';
import { X86, X86_SOURCES } from './x86.ts';

/** Not a confidential VM: the same kernel, where every conversion is a no-op. */
export const none = {
  platform: {
    ...X86,
    name: 'none',
    confidential: false,
    hostCalls: { kind: 'none' },
    pageTablePasses: 0,
    flushAfter: false,
    flushBefore: [],
    vmallocAddress: 'converted',
    strayRead: 'impossible',
  },
  acceptsPages: [],
  flushesCache: [],
  coherentMemory: 'page allocator',
  endsIfHostRefuses: false,
  texts: {
    directMap: '1G / 2M / 4K (not a confidential VM)',
    hostCalls: '0',
    pageTablePasses: '0',
    flushes: '0',
    vmallocAddress: 'no-op',
    strayRead: 'impossible: nothing is shared',
    accept: '0',
  },
  sources: X86_SOURCES,
} as const satisfies PlatformProfile;
