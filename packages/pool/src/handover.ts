/**
 * A fork of a log: one policy decides up to a request, another from then on. Nothing is converted or moved at the handover. The
 * first policy frees what it allocated, so its pool drains except for its reserve. The second starts with nothing.
 */
import {
  type AllocateRequest,
  type AllocationId,
  type FreeRequest,
  InputError,
  type Pfn,
  type StateView,
} from '@decpool/model';
import type { BlockRange, Policy, PolicyFactory, Recorder } from './policy.ts';

/** `before` decides the requests up to and with number `request`; a function returns infinity until the number is known. */
export function handover(
  before: PolicyFactory,
  after: PolicyFactory,
  request: number | (() => number),
): PolicyFactory {
  const lastRequest = typeof request === 'number' ? () => request : request;
  return (view) => new Handover(before(view), after(view), lastRequest, view);
}

class Handover implements Policy {
  readonly name: string;
  readonly bounceBuffers?: 'fixed' | 'dynamic';
  readonly atomicPoolPages?: number;
  readonly keepsZonesReady?: boolean;
  readonly #before: Policy;
  readonly #after: Policy;
  readonly #lastRequest: () => number;
  readonly #view: StateView;
  /** First pages, because an object's slab may outlive the allocation that it was made for. */
  readonly #madeAfter = new Set<Pfn>();

  constructor(before: Policy, after: Policy, lastRequest: () => number, view: StateView) {
    if (after.bounceBuffers !== undefined && before.bounceBuffers === undefined) {
      throw new InputError(
        `policy '${after.name}': it needs bounce buffers from boot and cannot take over from '${before.name}'; choose a policy without them`,
      );
    }
    this.name = after.name;
    if (before.bounceBuffers !== undefined) this.bounceBuffers = before.bounceBuffers;
    if (before.keepsZonesReady !== undefined) this.keepsZonesReady = before.keepsZonesReady;
    if (before.atomicPoolPages !== undefined) this.atomicPoolPages = before.atomicPoolPages;
    this.#before = before;
    this.#after = after;
    this.#lastRequest = lastRequest;
    this.#view = view;
  }

  get #isOver(): boolean {
    return this.#view.counter('requests') > this.#lastRequest();
  }

  get #current(): Policy {
    return this.#isOver ? this.#after : this.#before;
  }

  get replacesAtomicPools(): boolean {
    return this.#current.replacesAtomicPools === true;
  }

  get triesSwiotlbFirst(): boolean {
    return this.#current.triesSwiotlbFirst === true;
  }

  get leaksAtOnce(): boolean {
    return this.#current.leaksAtOnce === true;
  }

  allocate(request: AllocateRequest, view: StateView, record: Recorder): void {
    this.#current.allocate(request, view, record);
    const { allocation } = request;
    if (this.#isOver && view.extentCount(allocation) > 0) this.#madeAfter.add(view.extentPfn(allocation));
  }

  free(request: FreeRequest, view: StateView, record: Recorder): void {
    const first = view.extentPfn(request.allocation);
    this.#makerOf(request.allocation).free(request, view, record);
    this.#madeAfter.delete(first);
  }

  cacheFor(request: AllocateRequest) {
    return this.#current.cacheFor?.(request);
  }

  freesWithoutSleeping(allocation: AllocationId): boolean {
    const answers = (policy: Policy) => policy.freesWithoutSleeping?.(allocation) === true;
    // The last object of a slab has no pages any more: its slab may be of either policy.
    const isOfEither = this.#isOver && this.#view.extentCount(allocation) === 0;
    return isOfEither ? answers(this.#before) && answers(this.#after) : answers(this.#makerOf(allocation));
  }

  hasWork(range: BlockRange): boolean {
    return this.#before.hasWork?.(range) === true || this.#hasWorkAfter(range);
  }

  #hasWorkAfter(range: BlockRange): boolean {
    return this.#isOver && this.#after.hasWork?.(range) === true;
  }

  workDueAt(): number {
    return Math.min(dueAt(this.#before), dueAt(this.#after));
  }

  work(view: StateView, record: Recorder): void {
    if (this.#before.hasWork?.(record.reach) === true || dueAt(this.#before) <= record.time) {
      this.#before.work?.(view, record);
    }
    if (this.#hasWorkAfter(record.reach) || dueAt(this.#after) <= record.time) {
      this.#after.work?.(view, record);
    }
  }

  shrink(view: StateView, record: Recorder): void {
    this.#before.shrink?.(view, record);
    if (this.#isOver) this.#after.shrink?.(view, record);
  }

  #makerOf(allocation: AllocationId): Policy {
    const hasPages = this.#view.extentCount(allocation) > 0;
    return hasPages && this.#madeAfter.has(this.#view.extentPfn(allocation)) ? this.#after : this.#before;
  }
}

const dueAt = (policy: Policy): number => policy.workDueAt?.() ?? Number.POSITIVE_INFINITY;
