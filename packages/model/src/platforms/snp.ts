import type { PlatformProfile } from './profile.ts';
import { X86, X86_DIRECT_MAP, X86_SOURCES } from './x86.ts';

/** AMD SEV-SNP. */
export const snp = {
  platform: {
    ...X86,
    name: 'snp',
    hostCalls: { kind: 'page-state-list', entries: 64 },
    pageTablePasses: 1,
    flushBefore: ['decrypt', 'encrypt'],
    vmallocAddress: 'converted',
    strayRead: 'fixed up',
  },
  acceptsPages: ['decrypt', 'encrypt'],
  flushesCache: [],
  coherentMemory: 'page allocator',
  endsIfHostRefuses: true,
  texts: {
    directMap: X86_DIRECT_MAP,
    hostCalls:
      'one per 64 entries (an aligned 2 MiB is one entry, else each page; through a vmalloc address each page)',
    pageTablePasses: '1',
    flushes: '2',
    vmallocAddress: 'converted, page by page',
    strayRead: 'fault that is fixed up',
    accept:
      'in both directions: one PVALIDATE for an aligned 2 MiB, else for each page (through a vmalloc address each page)',
  },
  sources: [
    {
      number: '64 entries a call',
      source: '`VMGEXIT_PSC_MAX_ENTRY`, arch/x86/include/asm/sev-common.h',
    },
    {
      number: 'PVALIDATE for each entry of a list',
      source: '`pvalidate_pages()`, arch/x86/coco/sev/core.c',
    },
    {
      number: 'no page flushed from the cache: the hardware keeps it coherent',
      source: '`amd_enc_cache_flush_required()`, arch/x86/mm/mem_encrypt_amd.c',
    },
    {
      number: 'the guest ends if the host refuses a page state change',
      source: '`sev_es_terminate()` in `__set_pages_state()`, arch/x86/coco/sev/core.c',
    },
    ...X86_SOURCES,
  ],
} as const satisfies PlatformProfile;
