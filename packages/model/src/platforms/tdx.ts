import type { PlatformProfile } from './profile.ts';
import { X86, X86_DIRECT_MAP, X86_SOURCES } from './x86.ts';

/** Intel TDX. The physical address of a conversion comes from __pa(), which has no meaning for a vmalloc address. */
export const tdx = {
  platform: {
    ...X86,
    name: 'tdx',
    hostCalls: { kind: 'per-range' },
    pageTablePasses: 1,
    flushBefore: ['decrypt'],
    vmallocAddress: 'unsupported',
    strayRead: 'fatal',
  },
  acceptsPages: ['encrypt'],
  flushesCache: ['decrypt'],
  coherentMemory: 'page allocator',
  endsIfHostRefuses: false,
  texts: {
    directMap: X86_DIRECT_MAP,
    hostCalls: 'one per contiguous range',
    pageTablePasses: '1',
    flushes: '2 (to private 1)',
    vmallocAddress: 'unsupported: its physical address is computed as if it were in the direct map',
    strayRead: 'fatal; the kernel orders its changes so that there is none',
    accept: 'to private: one TDG.MEM.PAGE.ACCEPT for an aligned 2 MiB, else for each page',
  },
  sources: [
    { number: 'one MapGPA a range, computed by `__pa()`', source: 'arch/x86/coco/tdx/tdx.c' },
    {
      number: '2M or 4K accepted at a time',
      source: '`tdx_accept_memory()`, arch/x86/coco/tdx/tdx-shared.c',
    },
    {
      number: 'each page flushed from the cache before it becomes shared',
      source:
        '`tdx_cache_flush_required()`, arch/x86/coco/tdx/tdx.c; `cpa_flush()`, arch/x86/mm/pat/set_memory.c',
    },
    ...X86_SOURCES,
  ],
} as const satisfies PlatformProfile;
