import { ARM64, ARM64_SOURCES } from './arm64.ts';
import type { PlatformProfile } from './profile.ts';

/** Protected KVM guest. Its own page tables do not change. */
export const pkvm = {
  platform: {
    ...ARM64,
    name: 'pkvm',
    hostCalls: { kind: 'page-list', pages: 1 },
    directMap: 'untouched',
    pageTablePasses: 0,
    flushAfter: false,
    vmallocAddress: 'unsupported',
    strayRead: 'impossible',
  },
  acceptsPages: [],
  flushesCache: [],
  coherentMemory: 'restricted pool',
  endsIfHostRefuses: false,
  texts: {
    directMap: 'never changed',
    hostCalls: 'one per page',
    pageTablePasses: '0',
    flushes: '0',
    vmallocAddress: 'unsupported, as `tdx`',
    strayRead: 'impossible: no mapping changes',
    accept: '0',
  },
  sources: [
    { number: 'a call for each page', source: 'drivers/virt/coco/pkvm-guest' },
    {
      number: 'coherent buffers from a restricted DMA pool',
      source:
        '`force_dma_unencrypted()`, arch/arm64/include/asm/mem_encrypt.h; `swiotlb_alloc()`, `rmem_swiotlb_device_init()`, kernel/dma/swiotlb.c',
    },
    ...ARM64_SOURCES,
  ],
} as const satisfies PlatformProfile;
