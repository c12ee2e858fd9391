import {
  type AllocateRequest,
  type FreeRequest,
  MAX_PAGE_ORDER,
  orderFor,
  type StateView,
} from '@decpool/model';
import type { ClaimType } from '../page-allocator/migratetypes.ts';
import type { Policy, PolicyFactory, Recorder } from '../policy.ts';
import { slabCacheFor } from '../slab/slab-cache.ts';
import { driverPoolFor } from './driver-pools.ts';
import { withoutPool } from './linux-7.3.ts';
import { allocateInChunks, allocateOnItsOwn, type Chunk, freeEachOnItsOwn } from './on-its-own.ts';
import { isNvmeDescriptor } from './owners.ts';

/**
 * `__GFP_DECRYPTED` as prototyped on the kernel mailing list in June 2024: the page allocator decrypts every
 * allocation on its own in post_alloc_hook() and encrypts it again in free_pages_prepare(). Nothing is grouped:
 * where a request lands is decided by the free lists alone. Small objects come from slab caches of their own. An exact
 * count takes, and converts, the whole power of two; a coherent buffer converts the pages it fills; vmalloc takes
 * the largest chunks that there are, from order 10 down, without direct reclaim above order 0, as every vmalloc() of 7.3 does
 * (vm_area_alloc_pages(), mm/vmalloc.c); each is one conversion. vfree() of 7.3 gives neighbouring pages back together
 * (free_pages_bulk()), so here a chunk is made private with one conversion, too. The prototype's own hook, free_pages_prepare(), is
 * called there for each page: a port would have to move it to free_prepared_contig_range(). The prototype ignores errors of
 * conversions and would hand such pages out; here they are leaked.
 */
export const gfpDecrypted: PolicyFactory = (view) => eachOnItsOwn('gfp-decrypted', 'Unmovable', view);

/** The page allocator converts each allocation on its own, from pageblocks of a type. */
export const eachOnItsOwn = (name: string, type: ClaimType, view: StateView): Policy =>
  view.platform.confidential ? converting(name, type, view) : withoutPool(name)(view);

const converting = (name: string, type: ClaimType, { platform }: StateView): Policy => ({
  name,
  leaksAtOnce: true,
  cacheFor(request) {
    // What a dma_pool packs (mm/dmapool.c) comes from the DMA API, not from kmalloc().
    if (isNvmeDescriptor(request.owner)) return driverPoolFor(request, platform);
    return request.api === 'kmalloc' ? slabCacheFor(request, platform) : undefined;
  },

  allocate(request: AllocateRequest, state: StateView, record: Recorder): void {
    const order = orderFor(request.pages);
    if (request.api === 'vmalloc') {
      allocateInChunks(request, { effort: 'nowait', fillsGranules: false, type }, state, record);
    } else if (order > MAX_PAGE_ORDER) record.fail('too-large');
    else allocateOnItsOwn({ ...chunkFor(request, order), type }, state, record);
  },

  free: (request: FreeRequest, state: StateView, record: Recorder) =>
    freeEachOnItsOwn(request.allocation, { tail: 'kept' }, state, record),
});

/** dma_direct_alloc() converts only the pages that the buffer fills (kernel/dma/direct.c); others all that they took. */
const chunkFor = ({ api, pages }: AllocateRequest, order: number): Chunk => ({
  order,
  pages: api === 'dma_alloc_coherent' ? pages : 1 << order,
  tail: 'kept',
});
