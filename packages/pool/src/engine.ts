/**
 * Requests in, events out: checks each request, has the policy decide it, and dispatches what is not the policy's: small objects
 * (objects.ts), other users of the page allocator (background.ts), the deferred worker (deferred-worker.ts). Without RxJS, so
 * that bulk runs do not pay for it.
 */
import {
  type AllocateRequest,
  type AllocationId,
  ANY_NODE,
  Columns,
  type Faults,
  type FreeRequest,
  GFP_KERNEL,
  InputError,
  type Machine,
  type MemoryState,
  type PageSourceSettings,
  type Request,
  type StateView,
  type UserMapRequest,
} from '@decpool/model';
import {
  attributesOf,
  checkRequest,
  conversionMaySleep,
  type EventColumns,
  MAX_OWNERS,
  maySleep,
  type RequestHistory,
  zoneOf,
} from '@decpool/model/internal';
import { BackgroundUsers } from './background.ts';
import { DeferredWorker } from './deferred-worker.ts';
import { AtomicPools, flagsOfPools } from './dma-pool/atomic-pools.ts';
import { PageServer } from './dma-pool/page-server.ts';
import { EventRecorder, type EventSink, type ZoneRange } from './event-recorder.ts';
import { FaultInjector } from './faults.ts';
import { ObjectAllocator } from './objects.ts';
import { bootPoolBytes, withBootPool } from './page-source/boot-reservation.ts';
import { PageSource, reachOf, zonesOf } from './page-source/page-source.ts';
import type { Policy, PolicyFactory } from './policy.ts';
import { SlabLayer } from './slab/slab-layer.ts';
import { SupervisedPolicy } from './supervised-policy.ts';
import { SWIOTLB_CACHE, Swiotlb, type SwiotlbSettings } from './swiotlb/swiotlb.ts';

interface EngineOptions {
  readonly machine: Machine;
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
  /** Whether the guest has atomic DMA pools, unless the policy replaces them. */
  readonly atomicPools?: boolean;
  /** Events in a batch. Default: 8192. */
  readonly batchRows?: number;
}

export class Engine implements RequestHistory {
  readonly columns: Columns;
  readonly view: StateView;
  readonly policy: SupervisedPolicy;
  /** The memory state, with the place of the boot pool if that is in memory in use. */
  readonly memory: MemoryState;
  nextAllocation = 1;
  readonly maxPages: number;
  /** The bounce buffers that there are; undefined: none. */
  readonly swiotlb: SwiotlbSettings | undefined;
  readonly #recorder: EventRecorder;
  readonly #swiotlb: Swiotlb | undefined;
  /** Outside a confidential VM nobody asks them. */
  readonly #atomicPools: AtomicPools | undefined;
  readonly #pages: PageServer;
  readonly #objects: ObjectAllocator;
  readonly #background: BackgroundUsers;
  readonly #worker: DeferredWorker;
  /** Where requests of each zone and node may lie, by zone and node. */
  readonly #ranges = new Map<string, ZoneRange>();
  #isBooted = false;
  /** While a request is decided: no other may come in between. */
  #isDeciding = false;
  #broken: unknown;

  constructor(options: EngineOptions) {
    const { machine, memory, seed, faults } = options;
    const columns = new Columns(machine, memory.directMap);
    const policy = options.policy(columns.view());
    this.swiotlb = swiotlbFor(policy, options);
    this.memory =
      this.swiotlb === undefined ? memory : withBootPool(memory, machine.geometry, seed, this.swiotlb.bytes);
    const recorder = new EventRecorder({
      columns,
      sink: options.sink,
      batchRows: options.batchRows ?? 8192,
      source: new PageSource(this.memory, machine.geometry, seed, options.pageSource),
      faults: faults && new FaultInjector(faults),
      anywhere: zoneRange(memory, machine, GFP_KERNEL, ANY_NODE),
    });
    const slabs = new SlabLayer();
    this.#recorder = recorder;
    this.columns = columns;
    this.view = recorder.view;
    this.maxPages = machine.geometry.spanPages;
    this.policy = new SupervisedPolicy(policy, recorder);
    this.#swiotlb = this.swiotlb && new Swiotlb(this.swiotlb, recorder);
    if (options.atomicPools === true && machine.platform.confidential) {
      this.#atomicPools = new AtomicPools(
        recorder,
        zonesWithMemory(memory),
        (gfp) => this.#rangeOf(gfp, ANY_NODE),
        this.policy.atomicPoolPages,
      );
    }
    this.#pages = new PageServer(recorder, this.policy, this.#atomicPools);
    this.#objects = new ObjectAllocator(recorder, this.#pages, slabs, this.#swiotlb);
    this.#background = new BackgroundUsers(recorder, this.policy);
    this.#worker = new DeferredWorker({
      ...{ recorder, policy: this.policy, pages: this.#pages, objects: this.#objects },
      ...{ atomicPools: this.#atomicPools, swiotlb: this.#swiotlb, delay: options.workerDelay },
    });
  }

  /** Simulated ns of the last request, or of the deferred worker if that ran after it. */
  get time(): number {
    return this.#recorder.time;
  }

  /** Whether its policy has failed in the middle of a request: it takes no further ones. */
  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  get hasBounceBuffers(): boolean {
    return this.swiotlb !== undefined;
  }

  isLive(allocation: AllocationId): boolean {
    return this.view.isLive(allocation);
  }

  isRefused(allocation: AllocationId): boolean {
    return this.view.isRefused(allocation);
  }

  isWholePages(allocation: AllocationId): boolean {
    return this.view.isWholePages(allocation) && this.view.apiOf(allocation) !== 'dma_map';
  }

  userMappings(allocation: AllocationId): number {
    return this.view.userMappings(allocation);
  }

  hasRoomFor(owner: string): boolean {
    return this.#recorder.owners < MAX_OWNERS || this.#recorder.knowsOwner(owner);
  }

  holdsChunk(key: number): boolean {
    return this.#background.holds(key);
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
   * Has the policy decide one request. Throws InputError for a request that breaks a rule, InvariantError if the policy
   * breaks one; after the latter the engine takes no further requests.
   */
  decide(request: Request): void {
    if (this.#broken !== undefined) throw this.#broken;
    this.#expectOutside('a request');
    this.#attempt(request, checkRequest(request, this));
  }

  /** Does what the deferred worker still has to do, as at the end of a run. */
  settle(): void {
    this.#expectOutside('the end of a run');
    if (this.#broken === undefined) this.#attempt('settle', true);
  }

  #expectOutside(what: string): void {
    if (!this.#isDeciding && !this.#recorder.isDelivering) return;
    throw new InputError(
      `${what} from inside a subscriber to the pool; make it after the event was delivered`,
    );
  }

  /** No closure: it runs with every request. */
  #attempt(work: Request | 'settle', isServed: boolean): void {
    this.#isDeciding = true;
    try {
      if (work === 'settle') this.#worker.settle();
      else this.#serve(work, isServed);
    } catch (error) {
      this.#broken = error;
      throw error;
    } finally {
      this.#isDeciding = false;
    }
  }

  /** `isServed`: as checkRequest() says. */
  #serve(request: Request, isServed: boolean): void {
    if (!this.#isBooted) this.#boot();
    this.#worker.run(request.time);
    this.#recorder.time = request.time;
    this.#recorder.runOn('cpu' in request ? (request.cpu ?? 0) : 0);
    switch (request.kind) {
      case 'allocate':
        this.#allocate(request);
        break;
      case 'free':
        if (isServed) this.#free(request);
        else this.#skip(request);
        break;
      case 'map-user':
      case 'unmap-user':
        if (isServed) this.#changeUserMapping(request);
        else this.#skip(request);
        break;
      case 'background-allocate':
      case 'background-free':
        this.#background.serve(request);
        break;
    }
    this.#worker.schedule();
  }

  /** At simulated time 0, before the first request. */
  #boot(): void {
    this.#isBooted = true;
    this.#swiotlb?.boot();
    if (this.#atomicPools !== undefined) {
      if (!this.policy.replacesAtomicPools) this.#atomicPools.make();
      this.#recorder.emit.bootPoolsMade({ pages: this.view.counter('sharedPages') });
    }
    if (this.policy.keepsZonesReady)
      for (const gfp of flagsOfPools(zonesWithMemory(this.memory)))
        this.#worker.keepReady(this.#rangeOf(gfp, ANY_NODE));
    this.#worker.boot();
  }

  /** There is nothing to do about what was refused. Recorded, because another policy may not refuse it. */
  #skip(request: FreeRequest | UserMapRequest): void {
    const { kind: what, allocation } = request;
    const attributes = attributesOf(request.kind === 'free' ? contextOf(request) : {});
    this.#recorder.emit.requestSkipped({ allocation, what, attributes });
  }

  #changeUserMapping({ kind, allocation }: UserMapRequest): void {
    this.#recorder.request++;
    if (kind === 'map-user') this.#recorder.emit.userMapped({ allocation });
    else this.#recorder.emit.userUnmapped({ allocation });
  }

  #allocate(request: AllocateRequest): void {
    const recorder = this.#recorder;
    const { allocation, api, pages, bytes, gfp = GFP_KERNEL, node = ANY_NODE } = request;
    recorder.request++;
    const owner = recorder.ownerNumber(request.owner);
    const attributes = attributesOf(request);
    this.nextAllocation = allocation + 1;
    recorder.emit.allocationRequested({ allocation, api, pages, bytes, owner, attributes });
    const range = this.#rangeOf(gfp, node);
    if (range !== recorder.anywhere && !maySleep(gfp)) this.#worker.keepReady(range);
    recorder.begin(allocation, gfp, range);
    const isMap = api === 'dma_map';
    if (!isMap && this.policy.triesSwiotlbFirst && this.#objects.allocateSlots(request)) return;
    const cache = isMap ? SWIOTLB_CACHE : this.policy.cacheFor(request);
    if (cache !== undefined) this.#objects.allocate(request, cache);
    else if (this.#pages.allocate(request) && api === 'vmalloc') {
      recorder.emit.vmAreaMapped({ allocation, pages: recorder.servedPages });
    }
  }

  #free(request: FreeRequest): void {
    const { allocation, gfp = GFP_KERNEL } = request;
    this.#recorder.request++;
    this.#recorder.emit.freeRequested({ allocation, attributes: attributesOf(contextOf(request)) });
    if (this.view.slabOf(allocation) !== 0) {
      const emptied = this.#objects.free(allocation);
      if (emptied === undefined) return;
      if (this.#freesNow(gfp, allocation)) this.#objects.destroySlab(emptied, request);
      else this.#worker.deferSlab(emptied, allocation);
      return;
    }
    if (this.view.isMapped(allocation)) {
      const pages = this.view.allocation(allocation).extents.reduce((sum, extent) => sum + extent.pages, 0);
      this.#recorder.emit.vmAreaUnmapped({ allocation, pages });
    }
    if (this.#freesNow(gfp, allocation)) this.#pages.free(request);
    else this.#worker.deferFree(allocation);
  }

  /** Whether its pages can be freed for a caller with these flags; else the deferred worker has to have it do so. */
  #freesNow(gfp: number, allocation: AllocationId): boolean {
    return (
      !conversionMaySleep(this.view.platform) || maySleep(gfp) || this.#pages.freesWithoutSleeping(allocation)
    );
  }

  #rangeOf(gfp: number, node: number): ZoneRange {
    const zone = zoneOf(gfp);
    if (zone === 'Normal' && node === ANY_NODE) return this.#recorder.anywhere;
    const key = `${zone} ${node}`;
    const known = this.#ranges.get(key) ?? zoneRange(this.memory, this.columns, gfp, node);
    this.#ranges.set(key, known);
    return known;
  }
}

const zonesWithMemory = ({ zones }: MemoryState): string[] =>
  zones.filter(({ ram }) => ram.length > 0).map(({ name }) => name);

/** Who frees: flags and CPU. */
const contextOf = ({ gfp = GFP_KERNEL, cpu = 0 }: FreeRequest) => ({ gfp, cpu });

function zoneRange(memory: MemoryState, { geometry }: Machine, gfp: number, node: number): ZoneRange {
  const reach = { highestZone: zoneOf(gfp), node };
  const [firstBlock, endBlock] = reachOf(memory, geometry, reach);
  return { reach, blocks: { firstBlock, endBlock }, zones: zonesOf(memory, geometry, reach) };
}

/** Those that the caller wants; a policy that serves requests from them has some in any case, and says whether they grow. */
function swiotlbFor(
  { bounceBuffers }: Policy,
  { swiotlb, memory, machine }: EngineOptions,
): SwiotlbSettings | undefined {
  if (bounceBuffers === undefined) return swiotlb;
  return {
    ...(swiotlb ?? { bytes: bootPoolBytes(memory, machine.platform) }),
    dynamic: bounceBuffers === 'dynamic',
  };
}
