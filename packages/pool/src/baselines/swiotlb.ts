import type { PolicyFactory } from '../policy.ts';
import { SWIOTLB_PAGES } from '../swiotlb/swiotlb.ts';

/**
 * What if the bounce buffers of swiotlb (kernel/dma/swiotlb.c) served every request for shared memory, as a restricted DMA
 * pool serves a device's coherent buffers (swiotlb_alloc())? One pool is shared at boot, and nothing is converted after:
 * no splits, and everything in it exposed. A request takes slots of 2 KiB that lie together, aligned to the next power of
 * two of its size, and competes with the streaming maps for them. What is larger than a segment, 256 KiB, does not fit,
 * so most rings and all big buffers of a network adapter are refused. With `dynamic` (CONFIG_SWIOTLB_DYNAMIC) the deferred
 * worker adds a pool after a request that found no slots; that request is refused all the same. The atomic DMA pools serve no device
 * with such a pool: dma_direct_use_pool(), kernel/dma/direct.c.
 */
export const swiotlb =
  (growth: 'fixed' | 'dynamic'): PolicyFactory =>
  () => ({
    name: growth === 'fixed' ? 'swiotlb' : 'swiotlb:dynamic',
    bounceBuffers: growth,
    replacesAtomicPools: true,
    cacheFor: () => SWIOTLB_PAGES,
    // Everything is slots: no pages are ever asked for.
    allocate: (_request, _view, record) => record.fail('swiotlb-full'),
    free: () => {},
  });
