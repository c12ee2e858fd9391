/**
 * Who serves pages: the atomic DMA pools for callers of the DMA API that may not sleep, the policy for all others, and for those, too, if it
 * replaces these pools.
 */
import {
  type AllocateRequest,
  type AllocationId,
  type FreeRequest,
  GFP,
  GFP_KERNEL,
  MAX_PAGE_ORDER,
  orderFor,
  type Request,
} from '@decpool/model';
import { maySleep } from '@decpool/model/internal';
import { isCoherent, isHeapChunk } from '../baselines/owners.ts';
import type { EventRecorder } from '../event-recorder.ts';
import { allocateHeapChunk } from '../heap-chunks.ts';
import type { SupervisedPolicy } from '../supervised-policy.ts';
import type { AtomicPools } from './atomic-pools.ts';

/** Whether the atomic DMA pools would serve a request: dma_direct_use_pool(), kernel/dma/direct.c. */
const usesAtomicPools = (request: Request): boolean =>
  request.kind === 'allocate' && !maySleep(request.gfp ?? GFP_KERNEL) && isCoherent(request);

export class PageServer {
  readonly #events: EventRecorder;
  readonly #policy: SupervisedPolicy;
  readonly #pools: AtomicPools | undefined;

  /** `pools`: undefined in a guest without them. */
  constructor(events: EventRecorder, policy: SupervisedPolicy, pools: AtomicPools | undefined) {
    this.#events = events;
    this.#policy = policy;
    this.#pools = pools;
  }

  /**
   * Serves the request for which the recorder has begun. Returns whether it was served; else it was refused. `cause`: the request
   * that these pages are for, if they are those of a slab.
   */
  allocate(request: AllocateRequest, cause: AllocateRequest = request): boolean {
    if (isHeapChunk(request)) return allocateHeapChunk(request, this.#events, this.#policy);
    if (!this.#isForPools(cause)) return this.#policy.allocate(request);
    if (orderFor(request.pages) > MAX_PAGE_ORDER) this.#events.fail('too-large');
    else this.#pools?.allocate(request.pages, request.gfp ?? GFP_KERNEL);
    return !this.#events.isRefused;
  }

  /**
   * Serves a streaming map that found no slots of a dynamic swiotlb, or refuses it: the kernel makes a pool for it alone, in the atomic
   * pools, since it may not sleep (swiotlb_alloc_tlb(), kernel/dma/swiotlb.c).
   */
  allocateTransientPool(map: AllocateRequest): void {
    if (this.#pools === undefined) {
      this.#events.fail('swiotlb-full');
      return;
    }
    this.#events.beginTransientPool();
    this.allocate({ ...map, api: 'dma_alloc_coherent', gfp: (map.gfp ?? GFP_KERNEL) | GFP.GFP_NOWAIT });
  }

  free(request: FreeRequest): void {
    if (this.#pools?.free(request.allocation) !== true) this.#policy.free(request);
  }

  freesWithoutSleeping(allocation: AllocationId): boolean {
    return this.#pools?.holds(allocation) === true || this.#policy.freesWithoutSleeping(allocation);
  }

  #isForPools(request: AllocateRequest): boolean {
    return this.#pools !== undefined && !this.#policy.replacesAtomicPools && usesAtomicPools(request);
  }
}
