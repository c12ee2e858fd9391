/** The facade: a pool as a kernel would call it, and everything that happens in it as streams. */
import {
  type AllocationId,
  ANY_NODE,
  type Api,
  allocationId,
  type Counters,
  type EventBatch,
  type Extent,
  type Faults,
  GFP_KERNEL,
  InputError,
  type LogHeader,
  MAX_PAGE_ORDER,
  type MemoryState,
  nanoseconds,
  type ObjectView,
  type PageSourceSettings,
  type Platform,
  type PoolEvent,
  type Request,
  type State,
  type StateView,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import {
  DEFAULT_WORKER_DELAY,
  type EventColumns,
  eventAt,
  foldRows,
  logHeader,
  PLAIN_PAGE_SOURCE,
  pagesFor,
  publish,
} from '@decpool/model/internal';
import { type Observable, Subject } from 'rxjs';
import { Engine } from './engine.ts';
import type { EventSink } from './event-recorder.ts';
import type { PolicyFactory } from './policy.ts';
import type { SwiotlbSettings } from './swiotlb/swiotlb.ts';

/** What a pool starts from. */
export interface PoolOptions {
  /** The page allocator and the direct map at the start; their extent fixes the geometry. */
  readonly memory: MemoryState;
  readonly platform: Platform;
  readonly policy: PolicyFactory;
  /** Seeds the placement guess of the page source. Default: 1. */
  readonly seed?: number;
  /** How the page source works. Default: PLAIN_PAGE_SOURCE. */
  readonly pageSource?: PageSourceSettings;
  /** Conversions that fail. Default: none. */
  readonly faults?: Faults;
  /** The bounce buffers that dma_map requests go to. Default: none. */
  readonly swiotlb?: SwiotlbSettings;
  /** Whether a confidential guest has the atomic DMA pools of kernel/dma/pool.c, unless the policy replaces them. Default: no. */
  readonly atomicPools?: boolean;
  /** Simulated ns until deferred work is done. Default: DEFAULT_WORKER_DELAY. */
  readonly workerDelay?: number;
  /** Where the requests come from, for the header. Default: `interactive`. */
  readonly workload?: LogHeader['workload'];
  /** Events in a batch. Default: 8192. */
  readonly batchRows?: number;
}

/** What a request says beside its size. */
export interface RequestOptions {
  readonly owner: string;
  /** Bytes the caller can use. Default: all of the pages. */
  readonly bytes?: number;
  /** Simulated ns. Default: the time of the request before. Never before it. */
  readonly at?: number;
  /** Flags of GFP. Default: GFP_KERNEL. */
  readonly gfp?: number;
  /** NUMA node. Default: any. */
  readonly node?: number;
  /** Alignment in bytes of a kmalloc. Default: none. */
  readonly align?: number;
  /** CPU that asks. Default: CPU 0. */
  readonly cpu?: number;
}

/** What became of a request for pages. */
export type AllocationResult =
  | {
      readonly ok: true;
      readonly allocation: AllocationId;
      /** Its pages; none for an object in a slab. */
      readonly extents: readonly Extent[];
      /** Where a small object lies. */
      readonly object?: ObjectView;
    }
  | { readonly ok: false; readonly allocation: AllocationId };

/** A pool of decrypted memory under one policy: requests in, events and immutable states out. */
export class Pool implements EventSink {
  /** What a log of this pool begins with. */
  readonly header: LogHeader;
  /** Read access to the present state. */
  readonly view: StateView;
  readonly #engine: Engine;
  readonly #events = new Subject<PoolEvent>();
  readonly #batches = new Subject<EventBatch>();
  readonly #states = new Subject<State>();
  #borrower: ((batch: EventBatch) => void) | undefined;
  /** The published state, once a caller has read it, and the pending row it is folded up to. */
  #state: State | undefined;
  #foldedRows = 0;

  constructor(options: PoolOptions) {
    const geometry = x86Geometry(spanOf(options.memory));
    const { batchRows = 1 } = options;
    if (!Number.isInteger(batchRows) || batchRows < 1) {
      throw new InputError(`batches of ${batchRows} events: must be a whole number from 1`);
    }
    const { memory, faults, swiotlb, atomicPools = false } = options;
    const platform = frozen(options.platform);
    const settings = {
      memory,
      seed: options.seed ?? 1,
      pageSource: options.pageSource ?? PLAIN_PAGE_SOURCE,
      workerDelay: options.workerDelay ?? DEFAULT_WORKER_DELAY,
      ...(faults === undefined ? {} : { faults }),
      ...(swiotlb === undefined ? {} : { swiotlb }),
      ...(atomicPools && platform.confidential ? { atomicPools } : {}),
    };
    this.#engine = new Engine({
      ...settings,
      machine: { geometry, platform },
      policy: options.policy,
      sink: this,
      ...(options.batchRows === undefined ? {} : { batchRows: options.batchRows }),
    });
    this.view = this.#engine.view;
    this.header = logHeader({
      ...settings,
      memory: this.#engine.memory,
      ...(this.#engine.swiotlb === undefined ? {} : { swiotlb: this.#engine.swiotlb }),
      geometry,
      platform,
      policy: this.#engine.policy.name,
      workload: options.workload ?? { name: 'interactive', requests: '' },
    });
  }

  /** Every event as a frozen object, as soon as it has happened. Earlier events are not repeated. */
  get events$(): Observable<PoolEvent> {
    return this.#events;
  }

  /** The same events as columnar batches, when a batch is full and at flush(). */
  get batches$(): Observable<EventBatch> {
    return this.#batches;
  }

  /**
   * Calls `borrow` with the same batches. None may be kept: their memory is used again, and they are empty afterwards. Cheaper than
   * `batches$` where all that a batch tells is read at once.
   */
  lendBatches(borrow: (batch: EventBatch) => void): void {
    this.#borrower = borrow;
  }

  /** A new immutable state after every event. */
  get state$(): Observable<State> {
    return this.#states;
  }

  /** The immutable state now. The first call copies the working state; later ones fold the events since. */
  get state(): State {
    this.#state ??= this.#publishNow();
    this.#foldPending();
    return this.#state;
  }

  #publishNow(): State {
    this.#foldedRows = this.#engine.pendingRows;
    return publish(this.#engine.columns);
  }

  #foldPending(): void {
    const rows = this.#engine.pendingRows;
    if (this.#state === undefined || rows === this.#foldedRows) return;
    this.#state = foldRows(this.#state, this.#engine.pendingColumns, this.#foldedRows, rows);
    this.#foldedRows = rows;
  }

  /** Simulated ns of the last request, or of the deferred worker if that ran after it. */
  get time(): number {
    return this.#engine.time;
  }

  /** A frozen copy of the counters: cheap, however large the state is. */
  get counters(): Counters {
    return this.#engine.columns.publishCounters();
  }

  /** The state hash now: what replaying the events must give. */
  hash(): string {
    return this.#engine.columns.hash();
  }

  /** 2^order contiguous, naturally aligned pages. Throws InputError for an order the kernel does not have. */
  alloc_pages(order: number, options: RequestOptions): AllocationResult {
    if (!Number.isInteger(order) || order < 0 || order > MAX_PAGE_ORDER) {
      throw new InputError(`alloc_pages of order ${order}: orders run from 0 to ${MAX_PAGE_ORDER}`);
    }
    return this.#allocate('alloc_pages', 2 ** order, options);
  }

  /** A count of contiguous pages, aligned to the next power of two of the count. */
  alloc_pages_exact(pages: number, options: RequestOptions): AllocationResult {
    return this.#allocate('alloc_pages_exact', pages, options);
  }

  /** A count of pages that need not be contiguous. */
  vmalloc(pages: number, options: RequestOptions): AllocationResult {
    return this.#allocate('vmalloc', pages, options);
  }

  /** An object of some bytes, in a slab of `kmalloc-decrypted-N` unless it is larger than 8 KiB. */
  kmalloc(bytes: number, options: RequestOptions): AllocationResult {
    return this.#allocate('kmalloc', this.#pagesFor(bytes), { ...options, bytes });
  }

  /** A buffer of some bytes for a device. */
  dma_alloc_coherent(bytes: number, options: RequestOptions): AllocationResult {
    return this.#allocate('dma_alloc_coherent', this.#pagesFor(bytes), { ...options, bytes });
  }

  /** A streaming mapping of some bytes: slots of the bounce buffers. free() unmaps it. */
  dma_map(bytes: number, options: RequestOptions): AllocationResult {
    return this.#allocate('dma_map', this.#pagesFor(bytes), { ...options, bytes });
  }

  #pagesFor(bytes: number): number {
    return pagesFor(bytes, this.view.geometry.pageShift);
  }

  /** Frees an allocation. Throws InputError when it is not live, or mapped into user space. */
  free(allocation: AllocationId, at: number = this.#engine.time, gfp: number = GFP_KERNEL): void {
    this.#expectServed(allocation);
    this.request({ kind: 'free', allocation, time: nanoseconds(at), gfp });
  }

  /** Maps all pages of an allocation into user space: they must not be converted until remove_user_mapping(). */
  remap_pfn_range(allocation: AllocationId, at: number = this.#engine.time): void {
    this.#expectServed(allocation);
    this.request({ kind: 'map-user', allocation, time: nanoseconds(at) });
  }

  /** Ends a mapping into user space. Throws InputError when there is none. */
  remove_user_mapping(allocation: AllocationId, at: number = this.#engine.time): void {
    this.#expectServed(allocation);
    this.request({ kind: 'unmap-user', allocation, time: nanoseconds(at) });
  }

  #allocate(api: Api, pages: number, options: RequestOptions): AllocationResult {
    const allocation = allocationId(this.view.counter('lastAllocation') + 1);
    const { gfp = GFP_KERNEL, node = ANY_NODE, align = 1, cpu = 0 } = options;
    this.request({
      kind: 'allocate',
      allocation,
      api,
      pages,
      bytes: options.bytes ?? pages * 2 ** this.view.geometry.pageShift,
      owner: options.owner,
      gfp,
      node,
      align,
      cpu,
      time: nanoseconds(options.at ?? this.#engine.time),
    });
    if (!this.view.isLive(allocation)) return { ok: false, allocation };
    const { extents, object } = this.view.allocation(allocation);
    return { ok: true, allocation, extents, ...(object === undefined ? {} : { object }) };
  }

  /** A caller knows what was refused, so it is a mistake; in recorded requests it is skipped. */
  #expectServed(allocation: AllocationId): void {
    if (this.view.isRefused(allocation))
      throw new InputError(`allocation ${allocation}: it was refused and is not live`);
  }

  /** Serves one request; allocation ids run from 1 without a gap. If its allocation was refused, it is recorded as skipped. */
  request(request: Request): void {
    this.#engine.decide(request);
  }

  /** Whether the policy has failed in the middle of a request: then it takes no further ones. One that was refused as invalid changes nothing. */
  get isBroken(): boolean {
    return this.#engine.isBroken;
  }

  /** Delivers the events since the last batch as a batch. */
  flush(): void {
    this.#engine.flush();
  }

  /** Runs the deferred worker, delivers pending events and completes the streams. */
  complete(): void {
    this.#engine.settle();
    this.flush();
    this.#events.complete();
    this.#batches.complete();
    this.#states.complete();
  }

  /** @internal For the engine. */
  get wantsEvents(): boolean {
    return this.#events.observed || this.#states.observed;
  }

  /** @internal For the engine. */
  event(columns: EventColumns, row: number, seq: number): void {
    if (this.#states.observed) this.#states.next(this.state);
    if (this.#events.observed) this.#events.next(eventAt(columns, row, seq));
  }

  /** @internal For the engine, just before the rows become a batch. */
  beforeBatch(): void {
    this.#foldPending();
    this.#foldedRows = 0;
  }

  /** @internal For the engine. */
  get borrowsBatches(): boolean {
    return !this.#batches.observed;
  }

  /** @internal For the engine. */
  batch(batch: EventBatch): void {
    this.#batches.next(batch);
    this.#borrower?.(batch);
  }
}

/** A platform that nobody can change who sees it through a view. */
function frozen(platform: Platform): Platform {
  return Object.freeze({
    ...platform,
    hostCalls: Object.freeze({ ...platform.hostCalls }),
    flushBefore: Object.freeze([...platform.flushBefore]),
  });
}
