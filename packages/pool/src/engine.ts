/**
 * Requests in, events out: runs a policy over the working state. No RxJS here, so that bulk runs pay for none.
 */
import {
  type AllocateRequest,
  APIS,
  type Api,
  Columns,
  type EventBatch,
  type EventColumns,
  EventRows,
  FAILURE_REASONS,
  type FailureReason,
  type Frame,
  type FreeRequest,
  InputError,
  InvariantError,
  MAX_OWNER,
  MAX_PAGE_ORDER,
  type MappedRange,
  type MemoryState,
  MIGRATETYPES,
  type Migratetype,
  orderFor,
  type Pfn,
  type Request,
  type StateView,
  splitForChange,
  TYPE,
  pfn as toPfn,
} from '@decpool/model';
import { createPageSource, type PageSource } from './page-source/buddy.ts';
import type { Policy, PolicyFactory, Recorder } from './policy.ts';

/** Who is told of events. */
export interface EventSink {
  /** Called for every event as soon as it is folded, while `wantsEvents` is true. The columns must not be kept. */
  event(columns: EventColumns, row: number, seq: number): void;
  readonly wantsEvents: boolean;
  /** Called when the pending rows are about to become a batch. */
  beforeBatch(): void;
  /** Called whenever a batch is full, and by flush(). */
  batch(batch: EventBatch): void;
}

export interface EngineOptions {
  readonly frame: Frame;
  readonly memory: MemoryState;
  /** Seeds the placement guess of the page source. */
  readonly seed: number;
  readonly policy: PolicyFactory;
  readonly sink: EventSink;
  /** Events in a batch; 8192 unless told. */
  readonly batchRows?: number;
}

const UNMOVABLE = MIGRATETYPES.indexOf('Unmovable');
const API_CODE = Object.fromEntries(APIS.map((api, code) => [api, code])) as Record<Api, number>;

export class Engine implements Recorder {
  readonly columns: Columns;
  readonly view: StateView;
  readonly policy: Policy;
  readonly #source: PageSource;
  readonly #sink: EventSink;
  readonly #rows: EventRows;
  readonly #owners = new Map<string, number>();
  readonly #isConfidential: boolean;
  readonly #map: MappedRange;
  /** What the change being made would leave a page as: shared (decrypt) or not (encrypt). */
  #targetShared = true;
  /** Number of the request being decided, and the allocation it is about. */
  #request = 0;
  #allocation = 0;
  /** Highest allocation id asked for so far. */
  #lastAllocation = 0;
  /** What the allocation has got so far, in pages and extents, and whether it was refused. */
  #servedPages = 0;
  #servedExtents = 0;
  /** First page of the extent it got last. */
  #servedStart = 0;
  #isRefused = false;
  #time = 0;
  /** While a request is decided or a batch delivered: no other request may come in between. */
  #isDeciding = false;
  #broken: unknown;

  constructor(options: EngineOptions) {
    this.columns = new Columns(options.frame, options.memory.directMap);
    this.view = this.columns.view();
    this.#source = createPageSource(options.memory, options.frame.geometry, options.seed);
    this.#sink = options.sink;
    this.#rows = new EventRows(options.batchRows ?? 8192);
    this.#isConfidential = options.frame.platform.confidential;
    this.policy = options.policy(this.view);
    this.#map = {
      levelAt: (pfn) => this.view.levelAt(pfn),
      isUnchanged: (pfn) =>
        this.#targetShared
          ? this.view.is('shared', pfn)
          : !this.view.is('shared', pfn) && !this.view.is('unknown', pfn),
      split: (base, level) => this.#emit(TYPE.largePageSplit, 0, base, 0, level),
    };
  }

  /** Rows appended but not yet handed over in a batch. */
  get pendingRows(): number {
    return this.#rows.length;
  }

  /** The columns that pending rows are in; valid until the next request or flush. */
  get pendingColumns(): EventColumns {
    return this.#rows.columns;
  }

  /**
   * Has the policy decide one request. Throws InputError for a request that is not one, InvariantError when the
   * policy breaks a rule; after the latter the engine takes no further requests.
   */
  decide(request: Request): void {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#isDeciding) {
      throw new InputError(
        'a request from inside a subscriber to the pool; make it after the event was delivered',
      );
    }
    if (request.kind === 'allocate') this.#checkAllocate(request);
    else this.#checkFree(request);
    this.#isDeciding = true;
    try {
      if (request.kind === 'allocate') this.#decideAllocate(request);
      else this.#decideFree(request);
    } catch (error) {
      this.#broken = error;
      throw error;
    } finally {
      this.#isDeciding = false;
    }
  }

  /** Hands over what is pending as a batch. */
  flush(): void {
    if (this.#rows.length === 0) return;
    this.#sink.beforeBatch();
    const wasDeciding = this.#isDeciding;
    this.#isDeciding = true;
    try {
      this.#sink.batch(this.#rows.seal(this.view.counter('events') - this.#rows.length));
    } finally {
      this.#isDeciding = wasDeciding;
    }
  }

  #checkAllocate(request: AllocateRequest): void {
    const { geometry } = this.columns;
    const { allocation, pages, bytes, api } = request;
    if (!Number.isInteger(pages) || pages <= 0 || pages > geometry.spanPages) {
      throw new InputError(
        `a request for ${pages} pages: must be a whole number from 1 to ${geometry.spanPages}`,
      );
    }
    if (api === 'alloc_pages' && (pages & (pages - 1)) !== 0) {
      throw new InputError(`alloc_pages of ${pages} pages: must be a power of two; use alloc_pages_exact`);
    }
    if (
      !Number.isInteger(bytes) ||
      bytes < 0 ||
      bytes > Math.min(pages * 2 ** geometry.pageShift, 0xffffffff)
    ) {
      throw new InputError(
        `a request for ${bytes} bytes in ${pages} pages: must be whole bytes that fit the pages, less than 4 GiB`,
      );
    }
    const next = this.#lastAllocation + 1;
    if (allocation !== next) {
      throw new InputError(
        `allocation ids are given from 1 without a gap: ${next} is next, not ${allocation}`,
      );
    }
    if (this.#owners.size > MAX_OWNER && !this.#owners.has(request.owner)) {
      throw new InputError(`more than ${MAX_OWNER + 1} owners: '${request.owner}' is one too many`);
    }
    this.#checkTime(request.time);
  }

  #checkFree(request: FreeRequest): void {
    if (!Number.isInteger(request.allocation) || !this.view.isLive(request.allocation)) {
      throw new InputError(`a free of allocation ${request.allocation}, which is not live`);
    }
    this.#checkTime(request.time);
  }

  #checkTime(time: number): void {
    if (!Number.isSafeInteger(time) || time < this.#time) {
      throw new InputError(`a request at ${time} ns: must be whole ns, not before ${this.#time}`);
    }
  }

  #decideAllocate(request: AllocateRequest): void {
    this.#time = request.time;
    this.#request++;
    const owner = this.#ownerNumber(request.owner);
    this.#allocation = request.allocation;
    this.#lastAllocation = request.allocation;
    this.#servedPages = 0;
    this.#servedExtents = 0;
    this.#isRefused = false;
    const row = this.#stage(
      TYPE.allocationRequested,
      request.allocation,
      0,
      request.pages,
      API_CODE[request.api],
    );
    this.#rows.columns.owner[row] = owner;
    this.#rows.columns.bytes[row] = request.bytes;
    this.#commit(row);
    this.policy.allocate(request, this.view, this);
    const isServed = this.#servedPages >= request.pages;
    if (!isServed && !this.#isRefused) {
      throw new InvariantError(
        `policy '${this.policy.name}' left request ${this.#request} (${request.pages} pages) neither served nor refused`,
      );
    }
    if (isServed && request.api !== 'vmalloc') this.#expectContiguous(request);
  }

  #expectContiguous({ pages, api }: AllocateRequest): void {
    if (this.#servedExtents === 1 && this.#servedStart % 2 ** orderFor(pages) === 0) return;
    throw new InvariantError(
      `policy '${this.policy.name}' served request ${this.#request} (${api}) with pages that are not contiguous and naturally aligned`,
    );
  }

  #decideFree(request: FreeRequest): void {
    this.#time = request.time;
    this.#request++;
    this.#allocation = request.allocation;
    this.#emit(TYPE.freeRequested, request.allocation, 0, 0, 0);
    this.policy.free(request, this.view, this);
    if (this.view.extentCount(request.allocation) !== 0) {
      throw new InvariantError(
        `policy '${this.policy.name}' left request ${this.#request} (free of allocation ${request.allocation}) unfinished`,
      );
    }
  }

  #ownerNumber(name: string): number {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    const owner = this.#owners.size;
    this.#owners.set(name, owner);
    const row = this.#stage(TYPE.ownerRegistered, 0, 0, 0, 0);
    this.#rows.columns.owner[row] = owner;
    this.#rows.columns.names.set(row, name);
    this.#commit(row);
    return owner;
  }

  claim(order: number, migratetype: Migratetype = 'Unmovable'): Pfn | -1 {
    const pfn = this.#source.claim(order, migratetype);
    if (pfn === -1) return -1;
    const code = migratetype === 'Unmovable' ? UNMOVABLE : MIGRATETYPES.indexOf(migratetype);
    this.#emit(TYPE.pagesClaimed, 0, pfn, 2 ** order, code);
    return pfn;
  }

  giveBack(start: Pfn, pages: number): void {
    const end = start + pages;
    for (let at: number = start; at < end; ) {
      let order = Math.min(MAX_PAGE_ORDER, 31 - Math.clz32(end - at));
      while (at % 2 ** order !== 0) order--;
      this.#emit(TYPE.pagesReturned, 0, at, 2 ** order, 0);
      this.#source.giveBack(toPfn(at), order);
      at += 2 ** order;
    }
  }

  decrypt(start: Pfn, pages: number): void {
    if (!this.#isConfidential) return;
    this.#targetShared = true;
    this.#splitFor(start, pages);
    this.#emit(TYPE.pagesDecrypted, 0, start, pages, 0);
  }

  encrypt(start: Pfn, pages: number): void {
    if (!this.#isConfidential) return;
    this.#targetShared = false;
    this.#splitFor(start, pages);
    this.#emit(TYPE.pagesEncrypted, 0, start, pages, 0);
    if (this.columns.platform.restore) this.#restore(start, pages);
  }

  #splitFor(start: Pfn, pages: number): void {
    if (this.columns.platform.directMap !== 'split') return;
    splitForChange(this.columns.geometry, this.#map, start, pages);
  }

  /** Puts back the 2M mapping of each block in the range that has no shared or unknown page left. */
  #restore(start: Pfn, pages: number): void {
    const { pagesPerBlock } = this.columns.geometry;
    for (let base = start - (start % pagesPerBlock); base < start + pages; base += pagesPerBlock) {
      const block = toPfn(base);
      if (this.view.levelAt(block) !== 1) continue;
      const isPrivate =
        this.view.firstWhereNot('shared', false, block, pagesPerBlock) === -1 &&
        this.view.firstWhereNot('unknown', false, block, pagesPerBlock) === -1;
      if (isPrivate) this.#emit(TYPE.largePageRestored, 0, base, 0, 0);
    }
  }

  allocate(start: Pfn, pages: number): void {
    this.#emit(TYPE.pagesAllocated, this.#allocation, start, pages, 0);
    this.#servedPages += pages;
    this.#servedExtents++;
    this.#servedStart = start;
  }

  free(start: Pfn, pages: number): void {
    this.#emit(TYPE.pagesFreed, this.#allocation, start, pages, 0);
    this.#servedPages -= pages;
    this.#servedExtents--;
  }

  fail(reason: FailureReason): void {
    const { pages } = this.view.allocation(this.#allocation as AllocateRequest['allocation']);
    this.#emit(TYPE.allocationFailed, this.#allocation, 0, pages, FAILURE_REASONS.indexOf(reason));
    this.#isRefused = true;
  }

  #emit(type: number, allocation: number, pfn: number, pages: number, code: number): void {
    this.#commit(this.#stage(type, allocation, pfn, pages, code));
  }

  #stage(type: number, allocation: number, pfn: number, pages: number, code: number): number {
    if (this.#rows.isFull) this.flush();
    return this.#rows.append(type, this.#time, this.#request, allocation, pfn, pages, code);
  }

  /** Folds the staged row; a row that breaks a rule is taken back, so that the log holds only what happened. */
  #commit(row: number): void {
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
