/**
 * What is recorded: each event is appended as a row and folded into the working state at once. Rows become a batch when there
 * are enough of them. The page allocator's work and conversions (set-memory.ts) are recorded beside what a policy says.
 */
import {
  type AllocationId,
  allocationId,
  type Columns,
  type EventBatch,
  type FailureReason,
  GFP,
  GFP_KERNEL,
  MAX_PAGE_ORDER,
  type Migratetype,
  type Pfn,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import {
  conversionMaySleep,
  type Emitters,
  type EventColumns,
  EventRows,
  emittersTo,
  maySleep,
} from '@decpool/model/internal';
import type { FaultInjector } from './faults.ts';
import type { ClaimType } from './page-allocator/migratetypes.ts';
import { type ClaimEffort, effortOf } from './page-source/claim-effort.ts';
import type { PageSource, Reach } from './page-source/page-source.ts';
import type { BlockRange } from './policy.ts';
import { SetMemory } from './set-memory.ts';

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** When no request is decided, at boot and in the deferred worker. */
export const NO_ALLOCATION = allocationId(0);
/** Events leave it out. */
const CPU_0: { readonly cpu?: number } = {};
/** Owner of what leaks then. */
const WORKER = 'kworker';

/** Who receives events. */
export interface EventSink {
  /** Called for every event as soon as it is folded, while `wantsEvents` is true. The columns must not be kept. */
  event(columns: EventColumns, row: number, seq: number): void;
  readonly wantsEvents: boolean;
  /** Whether batch() keeps no batch: its columns are used again afterwards. */
  readonly borrowsBatches: boolean;
  /** Called when the pending rows are about to become a batch. */
  beforeBatch(): void;
  /** Called whenever a batch is full, and by flush(). */
  batch(batch: EventBatch): void;
}

/** Where a request's pages may lie: the zones and node for the page source, the blocks that these span, and those of each zone. */
export interface ZoneRange {
  readonly reach: Reach;
  readonly blocks: BlockRange;
  readonly zones: readonly BlockRange[];
}

interface EventRecorderOptions {
  readonly columns: Columns;
  readonly sink: EventSink;
  readonly batchRows: number;
  readonly source: PageSource;
  readonly faults: FaultInjector | undefined;
  /** The range of a request that names no zone and no node. */
  readonly anywhere: ZoneRange;
}

export class EventRecorder {
  readonly columns: Columns;
  readonly view: StateView;
  /** Writes an event and folds it. An event that breaks a rule throws InvariantError and is not written. */
  readonly emit: Emitters;
  readonly setMemory: SetMemory;
  readonly anywhere: ZoneRange;
  /** Simulated ns and number of the request that the next events carry. */
  time = 0;
  request = 0;
  /** Set while a batch is delivered: no request may come from inside a subscriber. */
  isDelivering = false;
  /** What the allocation has got so far, in pages and extents, and whether it was refused. */
  servedPages = 0;
  servedExtents = 0;
  /** First page of the extent it got last. */
  servedStart = toPfn(0);
  isRefused = false;
  /** Whether a request found no zone above its low watermark; the shrinker resets it. */
  isMemoryLow = false;
  readonly #sink: EventSink;
  readonly #rows: EventRows;
  readonly #owners = new Map<string, number>();
  readonly #source: PageSource;
  readonly #mayConversionSleep: boolean;
  /** On whose behalf the policy decides. */
  #allocation = NO_ALLOCATION;
  #gfp = GFP_KERNEL;
  #isTransientPool = false;
  /** While an allocation is made of parts: a part that is refused is no refusal yet. */
  #isPart = false;
  #partFailure: FailureReason | undefined;
  /** The effort for chunks up to an order, of a part that has one of its own. */
  #partEffort: { readonly order: number; readonly effort: ClaimEffort } | undefined;
  #range: ZoneRange;
  #onCpu: { readonly cpu?: number } = CPU_0;

  constructor({ columns, sink, batchRows, source, faults, anywhere }: EventRecorderOptions) {
    this.columns = columns;
    this.view = columns.view();
    this.emit = emittersTo(this);
    this.setMemory = new SetMemory({
      emit: this.emit,
      view: this.view,
      faults,
      ownerToBlame: () => this.#ownerToBlame(),
      claimPageTable: () => this.#claimPageTable(),
      freePageTable: (pfn) => this.#freePageTable(pfn),
    });
    this.#sink = sink;
    this.#rows = new EventRows(batchRows);
    this.#source = source;
    this.#mayConversionSleep = conversionMaySleep(this.view.platform);
    this.anywhere = anywhere;
    this.#range = anywhere;
  }

  /** Sets on whose behalf the policy decides next: nothing is served yet. */
  begin(allocation: AllocationId, gfp: number, range: ZoneRange = this.anywhere): void {
    this.#allocation = allocation;
    this.#gfp = gfp;
    this.#range = range;
    this.servedPages = 0;
    this.servedExtents = 0;
    this.isRefused = false;
    this.#isTransientPool = false;
  }

  /**
   * The next part of the allocation that was begun, 2^order pages: what the policy serves or refuses until endParts() is this part. A
   * policy that claims larger chunks does so for itself, with the effort of the request.
   */
  beginPart(order: number, effort: ClaimEffort | undefined): void {
    this.#isPart = true;
    this.#partEffort = effort === undefined ? undefined : { order, effort };
    this.servedPages = 0;
    this.servedExtents = 0;
    this.isRefused = false;
  }

  /** Returns why the last part that was refused was. */
  endParts(): FailureReason | undefined {
    const failure = this.#partFailure;
    this.#isPart = false;
    this.#partFailure = undefined;
    this.#partEffort = undefined;
    return failure;
  }

  /** The allocation is a map that found no slots: it is served with GFP_NOWAIT or not at all. */
  beginTransientPool(): void {
    this.#gfp |= GFP.GFP_NOWAIT;
    this.#isTransientPool = true;
  }

  /** CPU on which pages are claimed and given back from now on. Until the first call: CPU 0. */
  runOn(cpu: number): void {
    this.#onCpu = cpu === 0 ? CPU_0 : { cpu };
    this.#source.runOn(cpu);
  }

  get mayConvert(): boolean {
    return !this.#mayConversionSleep || maySleep(this.#gfp);
  }

  get reach(): BlockRange {
    return this.#range.blocks;
  }

  get zones(): readonly BlockRange[] {
    return this.#range.zones;
  }

  /** Whose pages are lost if they leak now. */
  #ownerToBlame(): number {
    return this.#allocation === NO_ALLOCATION
      ? this.ownerNumber(WORKER)
      : this.view.ownerOf(this.#allocation);
  }

  /** Events know the kernel's migratetypes; shared pages are unmovable. */
  claim(order: number, type: ClaimType = 'Unmovable', wanted?: ClaimEffort): Pfn | -1 {
    const part = this.#partEffort;
    const own = part !== undefined && order <= part.order ? part.effort : effortOf(this.#gfp);
    const effort =
      wanted === undefined || own === 'none' || (own === 'nowait' && wanted !== 'none') ? own : wanted;
    const pfn = this.#take(order, type, this.#range.reach, effort);
    const migratetype = type === 'Decrypted' ? 'Unmovable' : type;
    if (pfn !== -1) this.emit.pagesClaimed({ pfn, pages: 1 << order, migratetype });
    return pfn;
  }

  /** As claim(), for another user of the page allocator: `background-allocated`. */
  claimForOthers(order: number, migratetype: Migratetype): Pfn | -1 {
    const pfn = this.#take(order, migratetype, this.anywhere.reach);
    if (pfn !== -1) this.emit.backgroundAllocated({ pfn, pages: 1 << order, migratetype, ...this.#onCpu });
    return pfn;
  }

  #take(order: number, migratetype: ClaimType, reach: Reach, effort?: ClaimEffort): Pfn | -1 {
    const pfn = this.#source.claim(order, migratetype, reach, effort);
    if (this.#source.isLow) this.isMemoryLow = true;
    for (const { block, movedPages } of this.#source.takeCompacted()) {
      const first = toPfn(block * this.view.geometry.pagesPerBlock);
      this.emit.blockCompacted({ pfn: first, pages: movedPages });
    }
    for (const { pfn: reclaimed, pages } of this.#source.takeReclaimed()) {
      this.emit.pagesReclaimed({ pfn: toPfn(reclaimed), pages });
    }
    if (this.#source.directPages > 0) this.emit.requestStalled({ pages: this.#source.directPages });
    return pfn;
  }

  /**
   * Takes whole blocks that lie together, as a boot-time reservation does: `pages-claimed`. Returns their first page, or -1
   * when there is no such run. Policies cannot call it.
   */
  claimContiguous(blocks: number): Pfn | -1 {
    const pfn = this.#source.claimContiguous(blocks);
    const pages = blocks * this.view.geometry.pagesPerBlock;
    if (pfn !== -1) this.emit.pagesClaimed({ pfn, pages, migratetype: 'Unmovable' });
    return pfn;
  }

  giveBack(start: Pfn, pages: number): void {
    const end = start + pages;
    for (let at: number = start; at < end; ) {
      let order = Math.min(MAX_PAGE_ORDER, 31 - Math.clz32(end - at));
      while (at % (1 << order) !== 0) order--;
      this.emit.pagesReturned({ pfn: toPfn(at), pages: 1 << order });
      this.#source.giveBack(toPfn(at), order);
      at += 1 << order;
    }
  }

  /** For a large page that is split next. Without any free page the split gets one that the kernel would reclaim: -1. */
  #claimPageTable(): Pfn | -1 {
    const pfn = this.#take(0, 'Unmovable', this.anywhere.reach);
    if (pfn !== -1) this.emit.pageTableAllocated({ pfn, pages: 1 });
    return pfn;
  }

  #freePageTable(pfn: Pfn): void {
    this.emit.pageTableFreed({ pfn, pages: 1 });
    this.#source.giveBack(pfn, 0);
  }

  /** The page allocator had no chunk for them: `background-failed`. */
  refuseOthers(refused: {
    readonly chunk: number;
    readonly pages: number;
    readonly migratetype: Migratetype;
  }): void {
    this.emit.backgroundFailed({ ...refused, ...this.#onCpu });
  }

  giveBackForOthers(pfn: Pfn, order: number): void {
    this.emit.backgroundFreed({ pfn, pages: 1 << order, ...this.#onCpu });
    this.#source.giveBack(pfn, order);
  }

  allocate(start: Pfn, pages: number): void {
    this.emit.pagesAllocated({ allocation: this.#allocation, pfn: start, pages });
    this.servedPages += pages;
    this.servedExtents++;
    this.servedStart = start;
  }

  free(start: Pfn, pages: number): void {
    this.emit.pagesFreed({ allocation: this.#allocation, pfn: start, pages });
    this.servedPages -= pages;
    this.servedExtents--;
  }

  fail(reason: FailureReason): void {
    if (this.#isPart) {
      this.#partFailure = reason;
      this.isRefused = true;
      return;
    }
    const allocation = this.#allocation;
    const { pages } = this.view.allocation(allocation);
    this.emit.allocationFailed({
      allocation,
      pages,
      reason: this.#isTransientPool ? 'swiotlb-full' : reason,
    });
    this.isRefused = true;
  }

  refilled(pages: number): void {
    this.emit.reserveRefilled({ pages });
  }

  /** Rows appended but not yet handed over in a batch. */
  get pendingRows(): number {
    return this.#rows.length;
  }

  /** The columns that pending rows are in; valid until the next event or flush. */
  get pendingColumns(): EventColumns {
    return this.#rows.columns;
  }

  /** Hands over what is pending as a batch. */
  flush(): void {
    if (this.#rows.length === 0) return;
    this.#sink.beforeBatch();
    const wasDelivering = this.isDelivering;
    this.isDelivering = true;
    try {
      const firstSeq = this.view.counter('events') - this.#rows.length;
      if (this.#sink.borrowsBatches) this.#rows.lend(firstSeq, (batch) => this.#sink.batch(batch));
      else this.#sink.batch(this.#rows.seal(firstSeq));
    } finally {
      this.isDelivering = wasDelivering;
    }
  }

  /** How many names have a number. */
  get owners(): number {
    return this.#owners.size;
  }

  knowsOwner(name: string): boolean {
    return this.#owners.has(name);
  }

  /** Number of an owner or a slab cache: registers a name that is new. */
  ownerNumber(name: string): number {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    // A log holds UTF-8, which has no half of a surrogate pair: what it would give back is what the state must hold.
    const stored = DECODER.decode(ENCODER.encode(name));
    if (stored !== name) return this.ownerNumber(stored);
    const owner = this.#owners.size;
    this.#owners.set(name, owner);
    this.emit.ownerRegistered({ owner, name });
    return owner;
  }

  /** @internal Appends a row for an emitter. */
  append(type: number, allocation: number, pfn: number, pages: number, code: number): number {
    if (this.#rows.isFull) this.flush();
    return this.#rows.append(type, this.time, this.request, allocation, pfn, pages, code);
  }

  /** @internal Writes the columns that few events have. */
  extend(row: number, owner: number, bytes: number, name: string | undefined): void {
    this.#rows.columns.owner[row] = owner;
    this.#rows.columns.bytes[row] = bytes;
    if (name !== undefined) this.#rows.columns.names.set(row, name);
  }

  /** @internal Folds the last row. A row that breaks a rule is taken back, so that the log holds only what happened. */
  commit(row: number): void {
    try {
      this.columns.evolve(this.#rows.columns, row);
    } catch (error) {
      this.#rows.length = row;
      throw error;
    }
    if (this.#sink.wantsEvents) {
      this.#sink.event(this.#rows.columns, row, this.view.counter('events') - 1);
    }
  }
}
