/**
 * The facade: a pool as a kernel would call it, and everything that happens in it as streams.
 */
import {
  type AllocationId,
  type Api,
  allocationId,
  type Counters,
  type EventBatch,
  type EventColumns,
  type Extent,
  eventAt,
  foldRows,
  InputError,
  type LogHeader,
  logHeader,
  MAX_PAGE_ORDER,
  type MemoryState,
  nanoseconds,
  type Platform,
  type PoolEvent,
  publish,
  type Request,
  type State,
  type StateView,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import { type Observable, Subject } from 'rxjs';
import { Engine, type EventSink } from './engine.ts';
import type { PolicyFactory } from './policy.ts';

export interface PoolOptions {
  /** The page allocator and the direct map at the start; their extent fixes the geometry. */
  readonly memory: MemoryState;
  readonly platform: Platform;
  readonly policy: PolicyFactory;
  /** Seeds the placement guess of the page source; 1 unless told. */
  readonly seed?: number;
  /** Where the requests come from, for the header; `interactive` unless told. */
  readonly workload?: LogHeader['workload'];
  /** Events in a batch; 8192 unless told. */
  readonly batchRows?: number;
}

export interface RequestOptions {
  readonly owner: string;
  /** Bytes the caller can use; all of the pages unless told. */
  readonly bytes?: number;
  /** Simulated ns; the time of the request before unless told. Never before it. */
  readonly at?: number;
}

/** What became of a request for pages. */
export type AllocationResult =
  | { readonly ok: true; readonly allocation: AllocationId; readonly extents: readonly Extent[] }
  | { readonly ok: false; readonly allocation: AllocationId };

export class Pool implements EventSink {
  /** What a log of this pool begins with. */
  readonly header: LogHeader;
  /** Read access to the present state. */
  readonly view: StateView;
  readonly #engine: Engine;
  readonly #events = new Subject<PoolEvent>();
  readonly #batches = new Subject<EventBatch>();
  readonly #states = new Subject<State>();
  /** The published state, once somebody has asked for one, and the pending row it is folded up to. */
  #state: State | undefined;
  #foldedRows = 0;

  constructor(options: PoolOptions) {
    const geometry = x86Geometry(spanOf(options.memory));
    const seed = options.seed ?? 1;
    this.#engine = new Engine({
      frame: { geometry, platform: options.platform },
      memory: options.memory,
      seed,
      policy: options.policy,
      sink: this,
      ...(options.batchRows === undefined ? {} : { batchRows: options.batchRows }),
    });
    this.view = this.#engine.view;
    this.header = logHeader({
      geometry,
      platform: options.platform,
      memory: options.memory,
      policy: this.#engine.policy.name,
      seed,
      workload: options.workload ?? { name: 'interactive', requests: '' },
    });
  }

  /** Every event as a frozen object, as soon as it has happened. Hot: what happened before is not repeated. */
  get events$(): Observable<PoolEvent> {
    return this.#events;
  }

  /** The same events as columnar batches, when a batch is full and at flush(). */
  get batches$(): Observable<EventBatch> {
    return this.#batches;
  }

  /** A new immutable state after every event. */
  get state$(): Observable<State> {
    return this.#states;
  }

  /**
   * The state now, immutable. The first call copies the working state; from then on the pool keeps it by folding
   * each event, or each batch when nobody looks in between.
   */
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

  /** A frozen copy of the counters: cheap, no matter how large the state is. */
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

  /** Frees an allocation. Throws InputError when it is not live. */
  free(allocation: AllocationId, at: number = this.view.counter('time')): void {
    this.request({ kind: 'free', allocation, time: nanoseconds(at) });
  }

  #allocate(api: Api, pages: number, options: RequestOptions): AllocationResult {
    const allocation = allocationId(this.view.counter('lastAllocation') + 1);
    this.request({
      kind: 'allocate',
      allocation,
      api,
      pages,
      bytes: options.bytes ?? pages * 2 ** this.view.geometry.pageShift,
      owner: options.owner,
      time: nanoseconds(options.at ?? this.view.counter('time')),
    });
    if (!this.view.isLive(allocation)) return { ok: false, allocation };
    return { ok: true, allocation, extents: this.view.allocation(allocation).extents };
  }

  /** Serves one recorded request. Its allocation ids must come from 1 without a gap. */
  request(request: Request): void {
    this.#engine.decide(request);
  }

  /** Delivers the events since the last batch as a batch. */
  flush(): void {
    this.#engine.flush();
  }

  /** Delivers what is pending and completes the streams. */
  complete(): void {
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
  batch(batch: EventBatch): void {
    this.#batches.next(batch);
  }
}
