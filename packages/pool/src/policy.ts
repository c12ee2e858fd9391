import type {
  AllocateRequest,
  AllocationId,
  Extent,
  FailureReason,
  FreeRequest,
  Migratetype,
  Pfn,
  StateView,
} from '@decpool/model';
import type { SlabCache } from './slab/slab-cache.ts';

/**
 * What a conversion came to. `converted`: it worked. `private`: it failed, and a retry made the pages private again.
 * `leaked`: it failed, nobody knows the pages' state, and they are given up: the policy must forget them.
 */
export type ConversionResult = 'converted' | 'private' | 'leaked';

/** Blocks [firstBlock, endBlock). */
export interface BlockRange {
  readonly firstBlock: number;
  readonly endBlock: number;
}

/**
 * How a policy states what happens. Each call appends the events it stands for and folds them at once, so the
 * view is always current, also in the middle of a request. An event that breaks a rule of the model throws
 * InvariantError; a policy cannot put the state into one that the rules do not allow.
 */
export interface Recorder {
  /**
   * False while a request is decided whose caller may not sleep (GFP_ATOMIC, GFP_NOWAIT): a conversion then throws
   * InvariantError, because set_memory_decrypted() and set_memory_encrypted() may sleep.
   */
  readonly mayConvert: boolean;
  /** Simulated ns: of the request, or of the deferred worker. */
  readonly time: number;
  /** Where the pages of the request may lie, by its zone and node: claim() keeps to it by itself. */
  readonly reach: BlockRange;
  /**
   * Takes a free chunk of 2^order pages from the page allocator: `pages-claimed`. Returns its first page, or -1
   * when no zone that the request may use has one. The pages are private.
   */
  claim(order: number, migratetype?: Migratetype): Pfn | -1;
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
   * Shares runs of private pages with one call on the vmalloc address that maps them one behind the other, page by
   * page. All or none fail; then the whole area is retried with one call that makes it private, and when no retry works
   * each run is leaked. Only where the platform converts such addresses.
   */
  decryptArea(runs: readonly Extent[]): ConversionResult;
  /** The way back of decryptArea(): `leaked` when any run is. */
  encryptArea(runs: readonly Extent[]): 'converted' | 'leaked';
  /** Gives an extent to the requested allocation: `pages-allocated`. */
  allocate(start: Pfn, pages: number): void;
  /** Takes the next extent back from the allocation that is being freed, or undone: `pages-freed`. */
  free(start: Pfn, pages: number): void;
  /** Refuses the request: `allocation-failed`. The allocation must hold nothing. */
  fail(reason: FailureReason): void;
  /** Tells that the reserve of shared pages has grown by so many: `reserve-refilled`. */
  refilled(pages: number): void;
}

/**
 * What decides. For each request a policy reads the view and records what happens; it must end with the request
 * served in full or refused, and it does not keep state that the events do not tell.
 *
 * A policy serves pages. What lies above is done for it: a vmalloc area is mapped over the pages it gives, and small
 * objects are cut from slabs, whose pages it serves, if cacheFor() names a cache.
 */
export interface Policy {
  /** As on a command line, with parameters: `first-fit+block+immediate`. */
  readonly name: string;
  allocate(request: AllocateRequest, view: StateView, record: Recorder): void;
  /** Also called for the pages of an empty slab, on behalf of the object that left it last. */
  free(request: FreeRequest, view: StateView, record: Recorder): void;
  /** The slab cache that serves a request smaller than a page; undefined, or left out: whole pages do. */
  cacheFor?(request: AllocateRequest): SlabCache | undefined;
  /**
   * That the policy serves its requests from the bounce buffers of swiotlb, and whether they grow: a pool is made at boot
   * also where the caller asked for none. Left out by a policy that does not care whether there are any.
   */
  readonly bounceBuffers?: 'fixed' | 'dynamic';
  /**
   * Whether free() does without conversions when the recorder says that it must, and leaves them to work(). The frees
   * of other policies wait for the deferred worker when their caller may not sleep.
   */
  freesWithoutSleeping?(allocation: AllocationId): boolean;
  /** Whether there is work for the deferred worker, which may sleep. Asked after every request, and before the first. */
  hasWork?(range: BlockRange): boolean;
  /**
   * When the deferred worker is wanted though hasWork() says that nothing is to be done soon: simulated ns, infinity for not
   * at all. Once work() was called then, it must name a later time.
   */
  workDueAt?(): number;
  /** The deferred worker, some simulated time after hasWork() said so, or when it was due; the recorder's reach is the range. */
  work?(view: StateView, record: Recorder): void;
}

/** Makes a policy for one run; `view` gives the geometry and platform it will work on. */
export type PolicyFactory = (view: StateView) => Policy;
