import { MAX_PAGE_ORDER } from '@decpool/model';
import type { PolicyFactory } from '../policy.ts';
import { type LinuxVersion, linux } from './linux.ts';
import { isNetvscBuffer } from './owners.ts';

/**
 * Linux 7.3. A network adapter of Hyper-V takes its buffers from vmbus_alloc_buffer() (drivers/hv/channel.c): contiguous
 * chunks from order 10 downward, each converted through its address in the direct map and then mapped one behind the
 * other, so it works on every platform, and chunks of 2 MiB and more split no 2M mapping. Other vmalloc memory is still
 * converted by its vmalloc address, page by page, but its pages come in the largest orders there are (mm/vmalloc.c).
 * All else is as in 6.12.
 */
const VERSION: LinuxVersion = {
  name: 'linux-7.3',
  vmallocOrder: MAX_PAGE_ORDER,
  usesChunks: isNetvscBuffer,
};

export const linux73 = linux(VERSION);

/** 32 MiB, in pages. */
const COHERENT_POOL_PAGES = 8192;

/**
 * Linux 7.3 with coherent_pool=32M on its command line. The pools serve only callers that may not sleep (dma_direct_use_pool(),
 * kernel/dma/direct.c); all others convert as before. At boot a pool gets one chunk, of 4 MiB at most (atomic_pool_expand(),
 * kernel/dma/pool.c). Later the worker adds chunks as long as fewer than 32 MiB are free.
 */
export const linux73CoherentPool: PolicyFactory = (view) =>
  linux({ ...VERSION, name: 'linux-7.3:coherent-pool', atomicPoolPages: COHERENT_POOL_PAGES })(view);

/** Linux 7.3 with decpool's first rule alone: what fits takes free slots of swiotlb's boot pool. */
export const linux73SlotsFirst: PolicyFactory = (view) =>
  linux({ ...VERSION, name: 'linux-7.3:slots-first', triesSwiotlbFirst: true })(view);

/**
 * What if netvsc kept the buffers of a NIC that was rebuilt or removed, shared, until the NIC comes back? free_netvsc_device()
 * (drivers/net/hyperv/netvsc.c) frees them each time. Buffers of another size are freed first. The rings are the VMBus's, not kept.
 */
export const linux73KeptBuffers: PolicyFactory = (view) => {
  const version = { ...VERSION, name: 'linux-7.3:kept-buffers' };
  // Outside a confidential VM there is nothing to save.
  return linux(view.platform.confidential ? { ...version, keeps: isNetvscBuffer } : version)(view);
};

/** What every pool is outside a confidential VM: nothing is shared, so it claims what the kernel without a pool claims. */
export const withoutPool = (name: string): PolicyFactory => linux({ ...VERSION, name });

/**
 * What if no pool was built? Slots first, kept buffers, and what is above 256 KiB takes whole pageblocks: an order of 9 at least in
 * vmbus_alloc_buffer() and alloc_pages() of the vmbus rings, and in the dma-buf heap.
 */
export const linux73WholeBlocks: PolicyFactory = (view) => {
  const version = { ...VERSION, name: 'linux-7.3:whole-blocks' };
  if (!view.platform.confidential) return linux(version)(view);
  return linux({ ...version, keeps: isNetvscBuffer, triesSwiotlbFirst: true, takesWholeBlocks: true })(view);
};
