/**
 * Requests in, events out: runs a policy over the working state, and does what lies above and beside it: slabs and
 * vmalloc areas, the bounce buffers, the deferred worker, other users of the page allocator. No RxJS here, so that bulk
 * runs pay for none.
 */
import {
  type AllocateRequest,
  type AllocationId,
  ANY_NODE,
  APIS,
  type Api,
  attributesOf,
  type BackgroundRequest,
  type Columns,
  type EventColumns,
  type Faults,
  type Frame,
  type FreeRequest,
  type Geometry,
  GFP_KERNEL,
  InputError,
  InvariantError,
  type MemoryState,
  MIGRATETYPES,
  maySleep,
  orderFor,
  type PageSourceSettings,
  type Pfn,
  pagesFor,
  type Request,
  SKIPPED,
  type Skipped,
  type StateView,
  TYPE,
  type UserMapRequest,
  zoneOf,
} from '@decpool/model';
import { EventRecorder, type EventSink, NO_OWNER, type Where } from './event-recorder.ts';
import { FaultInjector } from './faults.ts';
import { createPageSource, type PageSource, reachOf } from './page-source/buddy.ts';
import type { PolicyFactory } from './policy.ts';
import { type AskedPool, checkRequest, MOST_OWNERS } from './request-checks.ts';
import { type SlabCache, slabKey } from './slab/slab-cache.ts';
import { SlabLayer } from './slab/slab-layer.ts';
import { SupervisedPolicy } from './supervised-policy.ts';
import {
  bootPoolBytes,
  MAX_MAPPING_BYTES,
  SWIOTLB_CACHE,
  Swiotlb,
  type SwiotlbSettings,
} from './swiotlb/swiotlb.ts';

export interface EngineOptions {
  readonly frame: Frame;
  readonly memory: MemoryState;
  /** Seeds the placement guess of the page source. */
  readonly seed: number;
  readonly policy: PolicyFactory;
  readonly sink: EventSink;
  readonly pageSource: PageSourceSettings;
  /** Simulated ns until deferred work is done. */
  readonly workerDelay: number;
  readonly faults?: Faults;
  readonly swiotlb?: SwiotlbSettings;
  /** Events in a batch; 8192 unless told. */
  readonly batchRows?: number;
}

const API_CODE = Object.fromEntries(APIS.map((api, code) => [api, code])) as Record<Api, number>;

export class Engine implements AskedPool {
  readonly columns: Columns;
  readonly view: StateView;
  readonly policy: SupervisedPolicy;
  /** The bounce buffers there are; undefined for none. */
  readonly swiotlb: SwiotlbSettings | undefined;
  readonly #memory: MemoryState;
  readonly #geometry: Geometry;
  readonly #source: PageSource;
  readonly #recorder: EventRecorder;
  readonly #slabs = new SlabLayer();
  readonly #swiotlb: Swiotlb | undefined;
  readonly #workerDelay: number;
  /** Where requests of each zone and node may lie, by zone and node. */
  readonly #places = new Map<number, Where>();
  /** Any zone and node. */
  readonly #anywhere: Where;
  /** Where the policy is to hold something ready for callers that may not sleep. */
  readonly #readyPlaces: Where[];
  /** Highest allocation id asked for so far. */
  #lastAllocation = 0;
  #isBooted = false;
  /** When the deferred worker runs next, if it does. */
  #workAt: number | undefined;
  #deferredFrees: FreeRequest[] = [];
  /** Slabs that ran empty where nothing could be converted, and the allocation that left each last. */
  #emptySlabs = new Map<number, AllocationId>();
  /** Chunks that others hold, by their key. */
  readonly #background = new Map<number, { readonly pfn: Pfn; readonly order: number }>();
  /** Keys of chunks that others were refused, with the number of each; and how many there were. */
  readonly #refusedChunks = new Map<number, number>();
  #refusals = 0;
  /** While a request is decided: no other may come in between. */
  #isDeciding = false;
  #broken: unknown;

  constructor(options: EngineOptions) {
    const { frame, memory, faults } = options;
    this.#memory = memory;
    this.#geometry = frame.geometry;
    this.#source = createPageSource(memory, frame.geometry, options.seed, options.pageSource);
    this.#anywhere = this.#whereOf(GFP_KERNEL, ANY_NODE);
    this.#readyPlaces = [this.#anywhere];
    this.#recorder = new EventRecorder({
      frame,
      directMap: memory.directMap,
      sink: options.sink,
      batchRows: options.batchRows ?? 8192,
      source: this.#source,
      faults: faults && new FaultInjector(faults),
      anywhere: this.#anywhere,
    });
    this.columns = this.#recorder.columns;
    this.view = this.#recorder.view;
    this.#workerDelay = options.workerDelay;
    this.policy = new SupervisedPolicy(options.policy(this.view), this.#recorder);
    this.swiotlb = swiotlbFor(this.policy, options);
    if (this.swiotlb !== undefined) this.#swiotlb = new Swiotlb(this.swiotlb, this.#recorder, this.#slabs);
  }

  /** Simulated ns of the last request, or of the deferred worker if that ran after it. */
  get time(): number {
    return this.#recorder.time;
  }

  get nextAllocation(): number {
    return this.#lastAllocation + 1;
  }

  get hasBounceBuffers(): boolean {
    return this.#swiotlb !== undefined;
  }

  hasRoomFor(owner: string): boolean {
    return this.#recorder.owners < MOST_OWNERS || this.#recorder.knowsOwner(owner);
  }

  holdsForOthers(key: number): boolean {
    return this.#background.has(key) || this.#refusedChunks.has(key);
  }

  /** Rows appended but not yet handed over in a batch. */
  get pendingRows(): number {
    return this.#recorder.pendingRows;
  }

  /** The columns that pending rows are in; valid until the next request or flush. */
  get pendingColumns(): EventColumns {
    return this.#recorder.pendingColumns;
  }

  /** Hands over what is pending as a batch. */
  flush(): void {
    this.#recorder.flush();
  }

  /**
   * Has the policy decide one request. Throws InputError for a request that is not one, InvariantError when the
   * policy breaks a rule; after the latter the engine takes no further requests.
   */
  decide(request: Request): void {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#isDeciding || this.#recorder.isDelivering) {
      throw new InputError(
        'a request from inside a subscriber to the pool; make it after the event was delivered',
      );
    }
    checkRequest(request, this);
    this.#isDeciding = true;
    try {
      this.#serve(request);
    } catch (error) {
      this.#broken = error;
      throw error;
    } finally {
      this.#isDeciding = false;
    }
  }

  /** Does what the deferred worker still has to do, as at the end of a run; not what the policy wants done later than that. */
  settle(): void {
    if (this.#isDeciding || this.#recorder.isDelivering) {
      throw new InputError(
        'the end of a run from inside a subscriber to the pool; make it after the event was delivered',
      );
    }
    if (this.#broken !== undefined || this.#workAt === undefined) return;
    this.#isDeciding = true;
    try {
      this.#runWorker(this.#workAt);
    } catch (error) {
      this.#broken = error;
      throw error;
    } finally {
      this.#isDeciding = false;
    }
  }

  #serve(request: Request): void {
    if (!this.#isBooted) this.#boot();
    this.#runWorker(request.time);
    this.#recorder.time = request.time;
    switch (request.kind) {
      case 'allocate':
        this.#decideAllocate(request);
        break;
      case 'free':
        if (this.view.isRefused(request.allocation))
          this.#skip(request.kind, request.allocation, request.gfp);
        else this.#decideFree(request);
        break;
      case 'map-user':
      case 'unmap-user':
        if (this.view.isRefused(request.allocation)) this.#skip(request.kind, request.allocation);
        else this.#changeUserMapping(request);
        break;
      case 'background-allocate':
      case 'background-free':
        this.#serveBackground(request);
        break;
    }
    if (this.#workAt === undefined && this.#hasWork()) this.#workAt = request.time + this.#workerDelay;
  }

  /** There is nothing to do about what was refused. Recorded, because another policy may not refuse it. */
  #skip(what: Skipped, of: number, gfp = GFP_KERNEL): void {
    this.#recorder.emit(TYPE.requestSkipped, of, gfp, 0, SKIPPED.indexOf(what));
  }

  #changeUserMapping({ kind, allocation }: UserMapRequest): void {
    this.#recorder.request++;
    const type = kind === 'map-user' ? TYPE.userMapped : TYPE.userUnmapped;
    this.#recorder.emit(type, allocation, 0, 0, 0);
  }

  #decideAllocate(request: AllocateRequest): void {
    const recorder = this.#recorder;
    recorder.request++;
    const owner = recorder.ownerNumber(request.owner);
    const { allocation, api, gfp = GFP_KERNEL, node = ANY_NODE } = request;
    this.#lastAllocation = allocation;
    recorder.emitWith(
      TYPE.allocationRequested,
      allocation,
      attributesOf(request),
      request.pages,
      API_CODE[api],
      owner,
      request.bytes,
    );
    const isAnywhere = node === ANY_NODE && zoneOf(gfp) === 'Normal';
    const where = isAnywhere ? this.#anywhere : this.#whereOf(gfp, node);
    if (!isAnywhere && !maySleep(gfp)) this.#keepReady(where);
    this.#recorder.begin(allocation, owner, gfp, where);
    const cache = api === 'dma_map' ? SWIOTLB_CACHE : this.policy.cacheFor(request);
    if (cache !== undefined) this.#allocateObject(request, cache);
    else if (this.policy.allocate(request) && api === 'vmalloc') {
      recorder.emit(TYPE.vmAreaMapped, allocation, 0, this.#recorder.servedPages, 0);
    }
  }

  #allocateObject(request: AllocateRequest, cache: SlabCache): void {
    const least =
      cache.alignment === 'natural' ? pagesFor(request.bytes, PAGE_SHIFT) << PAGE_SHIFT : request.bytes;
    const units = Math.max(1, Math.ceil(least / cache.unitBytes));
    const align = cache.alignment === 'natural' ? 1 << orderFor(units) : 1;
    const key = slabKey(cache, cache.grows ? attributesOf(request) : 0);
    if (cache.grows === false && request.bytes > MAX_MAPPING_BYTES) {
      this.#recorder.fail('too-large');
      return;
    }
    if (!cache.grows && this.#swiotlb?.isWithin(this.#recorder.reach) === false) {
      this.#recorder.fail('out-of-memory');
      return;
    }
    let place = this.#slabs.place(key, units, align);
    if (place === undefined && cache.grows) {
      if (!this.#createSlab(request, cache, key)) return;
      place = this.#slabs.place(key, units, align);
    }
    if (place === undefined) {
      this.#swiotlb?.exhausted();
      this.#recorder.fail('swiotlb-full');
      return;
    }
    const bytes = units * cache.unitBytes;
    this.#recorder.emitWith(TYPE.objectAllocated, request.allocation, place.slab, place.unit, 0, 0, bytes);
  }

  /** Asks the policy for the pages of a slab. Returns false when it refused the request. */
  #createSlab(request: AllocateRequest, cache: SlabCache, key: string): boolean {
    const number = this.#recorder.ownerNumber(cache.name);
    const pages = { ...request, api: 'alloc_pages', pages: cache.pages, bytes: cache.pages * 4096 } as const;
    if (!this.policy.allocate(pages)) return false;
    const start = this.#recorder.servedStart;
    this.#recorder.emitWith(
      TYPE.slabCreated,
      request.allocation,
      start,
      cache.pages,
      0,
      number,
      cache.unitBytes,
    );
    this.#slabs.created(this.view.counter('slabs'), cache, key);
    return true;
  }

  #decideFree(request: FreeRequest): void {
    const { allocation, gfp = GFP_KERNEL } = request;
    this.#recorder.request++;
    this.#recorder.emit(TYPE.freeRequested, allocation, gfp, 0, 0);
    if (this.view.slabOf(allocation) !== 0) {
      this.#freeObject(request);
      return;
    }
    if (this.view.isMapped(allocation)) {
      const pages = this.view.allocation(allocation).extents.reduce((sum, extent) => sum + extent.pages, 0);
      this.#recorder.emit(TYPE.vmAreaUnmapped, allocation, 0, pages, 0);
    }
    if (this.#freesNow(gfp, allocation)) this.#freePages(request);
    else this.#deferredFrees.push(request);
  }

  /** Whether the policy can free for a caller with these flags, or the deferred worker has to have it do so. */
  #freesNow(gfp: number, allocation: AllocationId): boolean {
    const { confidential } = this.columns.platform;
    return !confidential || maySleep(gfp) || this.policy.freesWithoutSleeping(allocation);
  }

  #freeObject(request: FreeRequest): void {
    const { allocation, gfp = GFP_KERNEL } = request;
    const { object } = this.view.allocation(allocation);
    if (object === undefined) throw new InvariantError(`allocation ${allocation} is no object`);
    this.#recorder.emit(TYPE.objectFreed, allocation, 0, 0, 0);
    if (!this.#slabs.freed(object.slab, object.unit, object.units)) return;
    if (this.#freesNow(gfp, allocation)) this.#destroySlab(object.slab, request);
    else this.#emptySlabs.set(object.slab, allocation);
  }

  #destroySlab(slab: number, request: FreeRequest): void {
    this.#recorder.emit(TYPE.slabDestroyed, request.allocation, slab, 0, 0);
    this.#slabs.destroyed(slab);
    this.#freePages(request);
  }

  #freePages(request: FreeRequest): void {
    const { allocation, gfp = GFP_KERNEL } = request;
    const owner = this.view.ownerOf(allocation);
    this.#recorder.begin(allocation, owner, gfp, this.#anywhere);
    this.policy.free(request);
  }

  /** At simulated time 0, before the first request: the boot pool of swiotlb, and what the policy wants to hold ready. */
  #boot(): void {
    this.#isBooted = true;
    this.#recorder.begin(0, NO_OWNER, GFP_KERNEL, this.#anywhere);
    this.#swiotlb?.boot();
    this.#runPolicyWork(false);
  }

  /** From now on the policy is asked whether it has enough ready there for callers that may not sleep. */
  #keepReady(where: Where): void {
    const { firstBlock, endBlock } = where.range;
    const isKnown = this.#readyPlaces.some(
      ({ range }) => range.firstBlock === firstBlock && range.endBlock === endBlock,
    );
    if (!isKnown) this.#readyPlaces.push(where);
  }

  /** `isDue`: also where the policy has nothing to do but what it wanted to do at this time. */
  #runPolicyWork(isDue: boolean): void {
    for (const where of this.#readyPlaces) {
      this.#recorder.begin(0, NO_OWNER, GFP_KERNEL, where);
      const isWanted = (isDue && where === this.#anywhere) || this.policy.hasWork(where.range);
      if (isWanted) this.policy.work();
    }
  }

  #hasWork(): boolean {
    return (
      this.#deferredFrees.length > 0 ||
      this.#emptySlabs.size > 0 ||
      this.#swiotlb?.hasWork === true ||
      this.#hasPolicyWork()
    );
  }

  #hasPolicyWork(): boolean {
    for (const { range } of this.#readyPlaces) if (this.policy.hasWork(range)) return true;
    return false;
  }

  /** The deferred worker, as often as it is due by `until`. Its events carry the number of the request that went before. */
  #runWorker(until: number): void {
    for (;;) {
      const due = this.policy.workDueAt();
      const at = Math.min(due, this.#workAt ?? Number.POSITIVE_INFINITY);
      if (at > until || at === Number.POSITIVE_INFINITY) return;
      this.#recorder.time = Math.max(at, this.#recorder.time);
      if (this.#workAt !== undefined && this.#workAt <= at) this.#doDeferred();
      this.#runPolicyWork(due <= at);
      if (due <= at && this.policy.workDueAt() <= at) {
        throw new InvariantError(
          `policy '${this.policy.name}' wants its worker at ${at} ns, when it has just run; workDueAt() must name a later time`,
        );
      }
    }
  }

  /** What was left for the worker by the engine itself. */
  #doDeferred(): void {
    this.#workAt = undefined;
    const time = this.#recorder.time as FreeRequest['time'];
    const frees = this.#deferredFrees;
    this.#deferredFrees = [];
    for (const { allocation } of frees) this.#freePages({ kind: 'free', time, allocation });
    const slabs = this.#emptySlabs;
    this.#emptySlabs = new Map();
    for (const [slab, allocation] of slabs) {
      if (this.#slabs.isEmpty(slab)) this.#destroySlab(slab, { kind: 'free', time, allocation });
    }
    this.#recorder.begin(0, NO_OWNER, GFP_KERNEL, this.#anywhere);
    if (this.#swiotlb?.hasWork === true) this.#swiotlb.grow();
  }

  #serveBackground(request: BackgroundRequest): void {
    if (request.kind === 'background-allocate') {
      const { key, order, migratetype } = request;
      const pfn = this.#recorder.claimForOthers(order, migratetype, this.#anywhere);
      if (pfn !== -1) this.#background.set(key, { pfn, order });
      else this.#refuseOthers(request);
      return;
    }
    const chunk = this.#background.get(request.key);
    if (chunk === undefined) {
      this.#skip(request.kind, this.#refusedChunks.get(request.key) ?? 0);
      this.#refusedChunks.delete(request.key);
      return;
    }
    this.#background.delete(request.key);
    this.#recorder.emit(TYPE.backgroundFreed, 0, chunk.pfn, 1 << chunk.order, 0);
    this.#source.giveBack(chunk.pfn, chunk.order);
  }

  #refuseOthers({ key, order, migratetype }: Extract<BackgroundRequest, { order: number }>): void {
    this.#refusals++;
    this.#refusedChunks.set(key, this.#refusals);
    const code = MIGRATETYPES.indexOf(migratetype);
    this.#recorder.emit(TYPE.backgroundFailed, this.#refusals, 0, 1 << order, code);
  }

  #whereOf(gfp: number, node: number): Where {
    const highestZone = zoneOf(gfp);
    const key = (node + 1) * ZONES.length + ZONES.indexOf(highestZone);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const reach = { highestZone, node };
    const [firstBlock, endBlock] = reachOf(this.#memory, this.#geometry, reach);
    const where = { reach, range: { firstBlock, endBlock } };
    this.#places.set(key, where);
    return where;
  }
}

const PAGE_SHIFT = 12;
const ZONES = ['DMA', 'DMA32', 'Normal'] as const;

/** Those that the caller wants; a policy that serves requests from them has some in any case, and says whether they grow. */
function swiotlbFor(
  { bounceBuffers }: SupervisedPolicy,
  { swiotlb, memory }: EngineOptions,
): SwiotlbSettings | undefined {
  if (bounceBuffers === undefined) return swiotlb;
  return { bytes: swiotlb?.bytes ?? bootPoolBytes(memory), dynamic: bounceBuffers === 'dynamic' };
}
