import {
  type AllocateRequest,
  type FailureReason,
  type FreeRequest,
  MAX_PAGE_ORDER,
  orderFor,
  type Platform,
  type StateView,
} from '@decpool/model';
import type { BlockRange, Policy, PolicyFactory, Recorder } from '../policy.ts';
import type { SlabCache } from '../slab/slab-cache.ts';
import { AtomicPool } from './atomic-pool.ts';
import { driverPoolFor } from './driver-pools.ts';
import { withoutPool } from './linux-7.3.ts';

/**
 * What if the kernel's atomic DMA pools (kernel/dma/pool.c, lib/genalloc.c) served every request for shared memory? There is one for
 * each zone. It begins with 128 KiB for each GiB of memory, doubles when it grows, and never shrinks; a request takes the first place
 * in it that fits, in whole pages. What drivers pack into pages themselves they pack here as well (driver-pools.ts). The kernel grows
 * a pool by a deferred worker only, when less is free than it began with; here a caller that may sleep grows it at once, and one that
 * may not wakes the worker. A vmalloc area is put together from places in any chunks. All memory that was shared once stays exposed.
 */
export const genpool: PolicyFactory = (view) =>
  view.platform.confidential ? new GenPool(view) : withoutPool('genpool')(view);

class GenPool implements Policy {
  readonly name = 'genpool';
  readonly replacesAtomicPools = true;
  readonly leaksAtOnce = true;
  readonly keepsZonesReady = true;
  readonly #pool: AtomicPool;
  readonly #platform: Platform;

  constructor(view: StateView) {
    this.#platform = view.platform;
    this.#pool = new AtomicPool(view);
  }

  freesWithoutSleeping(): boolean {
    return true;
  }

  hasWork(range: BlockRange): boolean {
    return this.#pool.hasWork(range);
  }

  work(_view: StateView, record: Recorder): void {
    this.#pool.work(record);
  }

  cacheFor(request: AllocateRequest): SlabCache | undefined {
    return driverPoolFor(request, this.#platform);
  }

  allocate(request: AllocateRequest, view: StateView, record: Recorder): void {
    const order = orderFor(request.pages);
    if (request.api === 'vmalloc') this.#allocateScattered(request, record);
    else if (order > MAX_PAGE_ORDER) record.fail('too-large');
    else this.#allocateContiguous(request.pages, order, record);
    if (!record.mayConvert && view.extentCount(request.allocation) > 0)
      this.#pool.usedAtomically(view.extentPfn(request.allocation));
  }

  #allocateContiguous(pages: number, order: number, record: Recorder): void {
    let start = this.#pool.take(pages, 1 << order, record.reach);
    if (start === -1) {
      const failure = this.#grow(1 << order, order, record);
      if (failure !== undefined) {
        record.fail(failure);
        return;
      }
      start = this.#pool.take(pages, 1 << order, record.reach);
    }
    if (start === -1) record.fail('out-of-memory');
    else record.allocate(start, pages);
  }

  #grow(missing: number, order: number, record: Recorder): FailureReason | undefined {
    return record.mayConvert ? this.#pool.grow(missing, order, record) : 'would-sleep';
  }

  /** Grown first until it holds enough, so that a request that cannot be served takes nothing; then the largest places. */
  #allocateScattered({ pages }: AllocateRequest, record: Recorder): void {
    const missing = pages - this.#pool.freePagesIn(record.reach);
    const failure = missing > 0 ? this.#grow(missing, 0, record) : undefined;
    if (failure !== undefined) {
      record.fail(failure);
      return;
    }
    let wanted = 1 << MAX_PAGE_ORDER;
    for (let left = pages; left > 0; ) {
      wanted = Math.min(wanted, left);
      const start = this.#pool.take(wanted, 1, record.reach);
      if (start === -1) {
        wanted = 1 << (31 - Math.clz32(wanted - 1));
        continue;
      }
      record.allocate(start, wanted);
      left -= wanted;
    }
  }

  free({ allocation }: FreeRequest, view: StateView, record: Recorder): void {
    for (const { pfn, pages } of view.allocation(allocation).extents) {
      record.free(pfn, pages);
      this.#pool.put(pfn, pages);
    }
  }
}
