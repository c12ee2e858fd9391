/**
 * The deferred worker, which may sleep: it frees for callers that may not sleep, grows the bounce buffers and the atomic DMA
 * pools, and calls the policy's work(). It runs some simulated time after there is something to do, or at a time that the policy names.
 */
import {
  type AllocationId,
  type FreeRequest,
  InvariantError,
  nanoseconds,
  type SlabId,
} from '@decpool/model';
import type { AtomicPools } from './dma-pool/atomic-pools.ts';
import type { PageServer } from './dma-pool/page-server.ts';
import type { EventRecorder, ZoneRange } from './event-recorder.ts';
import type { ObjectAllocator } from './objects.ts';
import type { SupervisedPolicy } from './supervised-policy.ts';
import type { Swiotlb } from './swiotlb/swiotlb.ts';

interface WorkerOptions {
  readonly recorder: EventRecorder;
  readonly policy: SupervisedPolicy;
  readonly pages: PageServer;
  readonly objects: ObjectAllocator;
  readonly atomicPools: AtomicPools | undefined;
  readonly swiotlb: Swiotlb | undefined;
  /** Simulated ns until deferred work is done. */
  readonly delay: number;
}

export class DeferredWorker {
  readonly #recorder: EventRecorder;
  readonly #policy: SupervisedPolicy;
  readonly #pages: PageServer;
  readonly #objects: ObjectAllocator;
  readonly #atomicPools: AtomicPools | undefined;
  readonly #swiotlb: Swiotlb | undefined;
  /** Simulated ns until deferred work is done. */
  readonly #delay: number;
  /** When deferred work is done; undefined: there is none. */
  #workAt: number | undefined;
  #frees: AllocationId[] = [];
  /** Slabs that ran empty when nothing could be converted, and the allocation that left each last. */
  #emptySlabs = new Map<SlabId, AllocationId>();
  /** Where the policy keeps pages ready for callers that may not sleep. */
  readonly #readyRanges: ZoneRange[];

  constructor({ recorder, policy, pages, objects, atomicPools, swiotlb, delay }: WorkerOptions) {
    this.#recorder = recorder;
    this.#policy = policy;
    this.#pages = pages;
    this.#objects = objects;
    this.#atomicPools = atomicPools;
    this.#swiotlb = swiotlb;
    this.#delay = delay;
    this.#readyRanges = [recorder.anywhere];
  }

  deferFree(allocation: AllocationId): void {
    this.#frees.push(allocation);
  }

  deferSlab(slab: SlabId, allocation: AllocationId): void {
    this.#emptySlabs.set(slab, allocation);
  }

  keepReady(range: ZoneRange): void {
    const { firstBlock, endBlock } = range.blocks;
    const isKnown = this.#readyRanges.some(
      ({ blocks }) => blocks.firstBlock === firstBlock && blocks.endBlock === endBlock,
    );
    if (!isKnown) this.#readyRanges.push(range);
  }

  /** At simulated time 0, before the first request. */
  boot(): void {
    this.#runPolicyWork(false);
  }

  /** After a request: plans a run if there is something to do. */
  schedule(): void {
    if (this.#workAt === undefined && this.#hasWork()) this.#workAt = this.#recorder.time + this.#delay;
  }

  #hasWork(): boolean {
    return (
      this.#frees.length > 0 ||
      this.#emptySlabs.size > 0 ||
      this.#swiotlb?.hasWork === true ||
      this.#needsAtomicPools ||
      this.#hasPolicyWork()
    );
  }

  /** To be doubled, or to be made, for a policy that took over from one that replaces them. */
  get #needsAtomicPools(): boolean {
    const pools = this.#atomicPools;
    return pools !== undefined && (pools.hasWork || !(pools.isMade || this.#policy.replacesAtomicPools));
  }

  #hasPolicyWork(): boolean {
    for (const { blocks } of this.#readyRanges) if (this.#policy.hasWork(blocks)) return true;
    return false;
  }

  /** Runs as often as it is due by `until`, simulated ns. Its events carry the number of the request before. */
  run(until: number): void {
    // kswapd works beside the requests: it is done before the next one.
    if (this.#recorder.isMemoryLow) this.#policy.shrink();
    for (;;) {
      const due = this.#policy.workDueAt();
      const at = Math.min(due, this.#workAt ?? Number.POSITIVE_INFINITY);
      if (at > until || at === Number.POSITIVE_INFINITY) return;
      this.#recorder.time = Math.max(at, this.#recorder.time);
      if (this.#workAt !== undefined && this.#workAt <= at) this.#doDeferred();
      this.#runPolicyWork(due <= at);
      if (due <= at && this.#policy.workDueAt() <= at) {
        throw new InvariantError(
          `policy '${this.#policy.name}' wants its worker at ${at} ns, when it has just run; workDueAt() must name a later time`,
        );
      }
    }
  }

  /** Does the deferred work now, at the end of a run, but not what the policy wants done later. */
  settle(): void {
    if (this.#workAt !== undefined) this.run(this.#workAt);
  }

  #doDeferred(): void {
    this.#workAt = undefined;
    const free = (allocation: AllocationId): FreeRequest => ({
      kind: 'free',
      time: nanoseconds(this.#recorder.time),
      allocation,
    });
    const frees = this.#frees;
    this.#frees = [];
    for (const allocation of frees) this.#pages.free(free(allocation));
    const slabs = this.#emptySlabs;
    this.#emptySlabs = new Map();
    for (const [slab, allocation] of slabs) this.#objects.destroySlab(slab, free(allocation));
    if (this.#swiotlb?.hasWork === true) this.#swiotlb.grow();
    if (this.#atomicPools?.hasWork === true) this.#atomicPools.work();
    else if (this.#needsAtomicPools) this.#atomicPools?.make();
  }

  /** `isDue`: the policy named this time. */
  #runPolicyWork(isDue: boolean): void {
    for (const range of this.#readyRanges) {
      const isWanted = isDue && range === this.#recorder.anywhere;
      if (isWanted || this.#policy.hasWork(range.blocks)) this.#policy.work(range);
    }
  }
}
