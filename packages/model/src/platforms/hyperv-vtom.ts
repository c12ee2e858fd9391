import type { PlatformProfile } from './profile.ts';
import { X86, X86_DIRECT_MAP, X86_SOURCES } from './x86.ts';

/**
 * Hyper-V isolated VM with vTOM. hv_vtom_clear_present() makes the range not-present before the hypercall, and
 * hv_vtom_set_host_visibility() makes it present again afterwards. Both end in a flush: two passes and two flushes more.
 * There is no flush before the change itself: hv_vtom_tlb_flush_required() is false.
 */
export const hypervVtom = {
  platform: {
    ...X86,
    name: 'hyperv-vtom',
    hostCalls: { kind: 'page-list', pages: 510 },
    pageTablePasses: 3,
    flushBefore: [],
    flushesAround: 2,
    vmallocAddress: 'converted',
    strayRead: 'fixed up',
  },
  acceptsPages: [],
  flushesCache: [],
  coherentMemory: 'page allocator',
  endsIfHostRefuses: false,
  texts: {
    directMap: X86_DIRECT_MAP,
    hostCalls: 'one per 510 pages',
    pageTablePasses: '3 (not-present before, present after)',
    flushes: '3 (one per page-table pass)',
    vmallocAddress: 'converted, page by page',
    strayRead: 'fault that is fixed up: the page is not present meanwhile',
    accept: '0: the paravisor does it',
  },
  sources: [
    { number: '510 pfns a call', source: '`HV_MAX_MODIFY_GPA_REP_COUNT`, include/hyperv/hvgdk_mini.h' },
    {
      number: 'three passes, a flush each',
      source:
        '`hv_vtom_clear_present()` and `hv_vtom_set_host_visibility()`, arch/x86/hyperv/ivm.c; `change_page_attr_set_clr()`, arch/x86/mm/pat/set_memory.c',
    },
    ...X86_SOURCES,
  ],
} as const satisfies PlatformProfile;
