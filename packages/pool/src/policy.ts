import type {
  AllocateRequest,
  AllocationId,
  Extent,
  FailureReason,
  FreeRequest,
  Pfn,
  StateView,
} from '@decpool/model';
import type { ClaimType } from './page-allocator/migratetypes.ts';
import type { ClaimEffort } from './page-source/claim-effort.ts';
import type { SlabCache } from './slab/slab-cache.ts';

/**
 * `converted`: the conversion worked. `private`: it failed, and a retry made the pages private again. `leaked`: it failed, and the
 * pages are given up: the policy must forget them.
 */
export type ConversionResult = 'converted' | 'private' | 'leaked';

/** Blocks [firstBlock, endBlock). */
export interface BlockRange {
  readonly firstBlock: number;
  readonly endBlock: number;
}

/**
 * How a policy states what happens. Each call appends its events and folds them at once, so the view is current even in the middle
 * of a request. An event that breaks a rule of the model throws InvariantError.
 */
export interface Recorder {
  /**
   * False if the caller may not sleep (GFP_ATOMIC, GFP_NOWAIT) and conversions of the platform may: conversionMaySleep(). A
   * conversion then throws InvariantError.
   */
  readonly mayConvert: boolean;
  /** Simulated ns: of the request, or of the deferred worker. */
  readonly time: number;
  /** Where the pages of the request may lie, by its zone and node. claim() keeps to it. */
  readonly reach: BlockRange;
  /** The blocks of each zone that the request may use, in the order in which the page allocator tries them. */
  readonly zones: readonly BlockRange[];
  /**
   * Takes 2^order private pages from the page allocator: `pages-claimed`. Returns the first, or -1 if no usable zone has them. Type
   * `Decrypted`: from pageblocks for shared pages, which the page allocator makes as it makes those of other migratetypes. Default
   * effort: that of the request's gfp flags. One that may not sleep neither reclaims nor compacts in any case.
   */
  claim(order: number, migratetype?: ClaimType, effort?: ClaimEffort): Pfn | -1;
  /** Gives a run of private, unused pages back to the page allocator, as naturally aligned chunks: `pages-returned`. */
  giveBack(start: Pfn, pages: number): void;
  /**
   * Shares a contiguous run of private pages with the host in one conversion: the splits it forces, then
   * `pages-decrypted`. Does nothing outside a confidential VM.
   */
  decrypt(start: Pfn, pages: number): ConversionResult;
  /**
   * Makes a contiguous run of shared pages private again in one conversion: the splits it forces, then
   * `pages-encrypted`, then a restore where the platform does that. Does nothing outside a confidential VM.
   */
  encrypt(start: Pfn, pages: number): 'converted' | 'leaked';
  /**
   * Shares runs of private pages with one call on the vmalloc address that maps them, page by page. If it fails, all of the area is
   * made private by another call, or leaked. Only if the platform converts such addresses.
   */
  decryptArea(runs: readonly Extent[]): ConversionResult;
  /** The reverse of decryptArea(): `leaked` if any run is. */
  encryptArea(runs: readonly Extent[]): 'converted' | 'leaked';
  /** Gives an extent to the requested allocation: `pages-allocated`. */
  allocate(start: Pfn, pages: number): void;
  /** Takes the next extent of the allocation back: `pages-freed`. */
  free(start: Pfn, pages: number): void;
  /** Refuses the request: `allocation-failed`. The allocation must hold nothing. */
  fail(reason: FailureReason): void;
  /** The reserve of shared pages has grown by so many: `reserve-refilled`. */
  refilled(pages: number): void;
}

/**
 * What decides. For each request a policy reads the view and records what happens, until the request is served in full or
 * refused. It keeps no state that the events do not tell. It serves pages: vmalloc areas are mapped over them for it, and
 * small objects are cut from slabs if cacheFor() names a cache.
 */
export interface Policy {
  /** As on a command line, with parameters: `first-fit+block+immediate`. */
  readonly name: string;
  /** Serves the request in full, or refuses it with `record.fail()`. */
  allocate(request: AllocateRequest, view: StateView, record: Recorder): void;
  /** Also called for the pages of an empty slab, on behalf of the object that left it last. */
  free(request: FreeRequest, view: StateView, record: Recorder): void;
  /** The slab cache that serves a small request; undefined, or left out: whole pages do. */
  cacheFor?(request: AllocateRequest): SlabCache | undefined;
  /** The policy serves its requests from the bounce buffers of swiotlb, which are then made at boot in any case. */
  readonly bounceBuffers?: 'fixed' | 'dynamic';
  /**
   * Requests of at most 256 KiB take free slots of the bounce buffers of swiotlb, if the guest has some. The policy sees what is larger,
   * or found none.
   */
  readonly triesSwiotlbFirst?: boolean;
  /**
   * The policy replaces the atomic DMA pools (kernel/dma/pool.c): it serves requests of the DMA API that may not sleep, from a reserve
   * or what else it has shared. Otherwise they go to these pools, as in dma_direct_alloc(), and the policy does not see them.
   */
  readonly replacesAtomicPools?: boolean;
  /** Whether work() is called at boot for each zone with memory, as the atomic DMA pools are made. Default: for all memory only. */
  readonly keepsZonesReady?: boolean;
  /** Free pages of each atomic DMA pool below which the worker makes it larger. Default: the kernel's, by the size of memory. */
  readonly atomicPoolPages?: number;
  /**
   * After a conversion that failed, its callers leak the pages at once, as drivers do. Default: set_memory_encrypted() is tried on them
   * first, as often as the run's faults say.
   */
  readonly leaksAtOnce?: boolean;
  /** Whether free() needs no conversion if the caller may not sleep; else such a free waits for the deferred worker. */
  freesWithoutSleeping?(allocation: AllocationId): boolean;
  /** Whether there is work for the deferred worker, which may sleep. Asked after every request, and before the first. */
  hasWork?(range: BlockRange): boolean;
  /** When work() is wanted even if hasWork() is false: simulated ns, infinity for never. After that call it must be later. */
  workDueAt?(): number;
  /** The deferred worker runs, after hasWork() or at workDueAt(); the recorder's reach is the range. */
  work?(view: StateView, record: Recorder): void;
  /** The shrinker: memory is low, or others were refused pages. May sleep. Returns what the policy can do without. */
  shrink?(view: StateView, record: Recorder): void;
}

/** Makes a policy for one run; `view` gives the geometry and platform it will work on. */
export type PolicyFactory = (view: StateView) => Policy;
