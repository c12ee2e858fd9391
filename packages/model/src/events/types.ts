import type { Migratetype } from '../memory-state.ts';
import type { Direction } from '../platform.ts';
import type { Api } from '../requests.ts';
import type { AllocationId, Nanoseconds, Pfn } from '../units.ts';

/** Why a request was not served. */
export const FAILURE_REASONS = [
  /** The page source has no free chunk left that would serve the request. */
  'out-of-memory',
  /** More contiguous pages than the page allocator's largest order holds, or a mapping larger than swiotlb's largest. */
  'too-large',
  /** The caller may not sleep, so nothing can be converted for it, and nothing that is shared already was free. */
  'would-sleep',
  /** set_memory_decrypted() returned an error. */
  'conversion-failed',
  /** The platform does not convert memory by its vmalloc address, or not in pieces of this size. */
  'unsupported',
  /** No run of free bounce-buffer slots is long enough. */
  'swiotlb-full',
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** What every event carries. */
interface Fact {
  /** Position in the log, from 0. */
  readonly seq: number;
  /** Simulated ns. */
  readonly time: Nanoseconds;
  /** Number of the request that caused the event, from 1; 0 when no request did. */
  readonly request: number;
}

/** An owner got its number; before the first request that names it. */
export interface OwnerRegistered extends Fact {
  readonly type: 'owner-registered';
  readonly owner: number;
  readonly name: string;
}

/** A caller asked for pages. Recorded before anything is decided, so that a log can be run again. */
export interface AllocationRequested extends Fact {
  readonly type: 'allocation-requested';
  readonly allocation: AllocationId;
  readonly api: Api;
  readonly pages: number;
  readonly bytes: number;
  readonly owner: number;
  /** As gfpName() gives it; GFP_KERNEL where it is left out. */
  readonly gfp?: string;
  /** NUMA node asked for; any where it is left out. */
  readonly node?: number;
  /** Alignment asked for, bytes; none where it is left out. */
  readonly align?: number;
}

/** A caller gave an allocation back. */
export interface FreeRequested extends Fact {
  readonly type: 'free-requested';
  readonly allocation: AllocationId;
  /** As gfpName() gives it; GFP_KERNEL where it is left out. */
  readonly gfp?: string;
}

/** The page allocator handed a chunk of pages to the policy. */
export interface PagesClaimed extends Fact {
  readonly type: 'pages-claimed';
  readonly pfn: Pfn;
  readonly pages: number;
  readonly migratetype: Migratetype;
}

/** The policy gave private, unused pages back to the page allocator. */
export interface PagesReturned extends Fact {
  readonly type: 'pages-returned';
  readonly pfn: Pfn;
  readonly pages: number;
}

/** A large entry of the direct map was split one level down: level 3 = 1G -> 512 x 2M, level 2 = 2M -> 512 x 4K. */
export interface LargePageSplit extends Fact {
  readonly type: 'large-page-split';
  readonly pfn: Pfn;
  readonly level: 2 | 3;
}

/** A block's 2M mapping was put back: only where the platform restores, and only one that was split during the run. */
export interface LargePageRestored extends Fact {
  readonly type: 'large-page-restored';
  readonly pfn: Pfn;
}

/** Pages became shared with the host: one successful set_memory_decrypted() of a contiguous range. */
export interface PagesDecrypted extends Fact {
  readonly type: 'pages-decrypted';
  readonly pfn: Pfn;
  readonly pages: number;
}

/** Pages became private again: one successful set_memory_encrypted() of a contiguous range. */
export interface PagesEncrypted extends Fact {
  readonly type: 'pages-encrypted';
  readonly pfn: Pfn;
  readonly pages: number;
}

/**
 * A conversion returned an error: from now on nobody knows whether the pages are shared. The attempt has cost what a
 * successful one costs in calls, passes and flushes.
 */
export interface ConversionFailed extends Fact {
  readonly type: 'conversion-failed';
  readonly pfn: Pfn;
  readonly pages: number;
  readonly direction: Direction;
  /** True when the host converted all the same: the truth behind the error, which no guest can know. */
  readonly converted?: true;
  /**
   * Only of a call on a vmalloc address, which is told as one event per contiguous run: pages of the same call before
   * these; 0 begins a call.
   */
  readonly offset?: number;
}

/** A contiguous extent was given to an allocation; a vmalloc allocation may have several. */
export interface PagesAllocated extends Fact {
  readonly type: 'pages-allocated';
  readonly allocation: AllocationId;
  readonly pfn: Pfn;
  readonly pages: number;
}

/** An extent was taken back; extents are freed in the order they were allocated. */
export interface PagesFreed extends Fact {
  readonly type: 'pages-freed';
  readonly allocation: AllocationId;
  readonly pfn: Pfn;
  readonly pages: number;
}

/** A request was refused; the allocation holds nothing. */
export interface AllocationFailed extends Fact {
  readonly type: 'allocation-failed';
  readonly allocation: AllocationId;
  readonly pages: number;
  readonly reason: FailureReason;
}

/** Pages in an unknown state were given up for good: never freed, never handed out again. */
export interface PagesLeaked extends Fact {
  readonly type: 'pages-leaked';
  readonly pfn: Pfn;
  readonly pages: number;
  /** Owner of the request on whose behalf they were converted. */
  readonly owner: number;
}

/**
 * The pages that an allocation has just got were cut into equal units for small objects. The slab holds them from now
 * on, not the allocation. Slabs are numbered from 1 in the order of these events. Allocation 0: the pages are those of a
 * pool made at boot, and nobody's until now.
 */
export interface SlabCreated extends Fact {
  readonly type: 'slab-created';
  readonly allocation: AllocationId;
  readonly pfn: Pfn;
  readonly pages: number;
  /** Bytes of a unit. */
  readonly unitBytes: number;
  /** Number of the cache's name, registered as an owner's is. */
  readonly cache: number;
}

/** An empty slab's pages passed to the allocation whose object left it last, to be freed. */
export interface SlabDestroyed extends Fact {
  readonly type: 'slab-destroyed';
  readonly allocation: AllocationId;
  readonly slab: number;
}

/** An allocation got units of a slab. */
export interface ObjectAllocated extends Fact {
  readonly type: 'object-allocated';
  readonly allocation: AllocationId;
  readonly slab: number;
  /** First unit of the slab that the object takes. */
  readonly unit: number;
  /** Bytes of all its units: what it can use and more. */
  readonly bytes: number;
}

/** An allocation gave its units back to their slab. */
export interface ObjectFreed extends Fact {
  readonly type: 'object-freed';
  readonly allocation: AllocationId;
}

/** The pages of an allocation, shared already, were mapped one behind the other: no vmalloc address is converted. */
export interface VmAreaMapped extends Fact {
  readonly type: 'vm-area-mapped';
  readonly allocation: AllocationId;
  readonly pages: number;
}

/** The mapping of a vmalloc area was taken away, before its pages are freed. */
export interface VmAreaUnmapped extends Fact {
  readonly type: 'vm-area-unmapped';
  readonly allocation: AllocationId;
  readonly pages: number;
}

/**
 * Pages became shared by set_memory_decrypted() of a vmalloc address: the pages of the area one by one, told as one
 * event per contiguous run. `offset` is how many pages of the same call came before: 0 begins a call.
 */
export interface VmAreaDecrypted extends Fact {
  readonly type: 'vm-area-decrypted';
  readonly pfn: Pfn;
  readonly pages: number;
  readonly offset: number;
}

/** Pages became private again by set_memory_encrypted() of a vmalloc address; as `vm-area-decrypted`. */
export interface VmAreaEncrypted extends Fact {
  readonly type: 'vm-area-encrypted';
  readonly pfn: Pfn;
  readonly pages: number;
  readonly offset: number;
}

/**
 * A contiguous bit was cleared: level 2 = 32M (16 entries of 2M), level 1 = 64K (16 entries of 4K). Only where the
 * platform's direct map has such entries.
 */
export interface ContiguousSplit extends Fact {
  readonly type: 'contiguous-split';
  readonly pfn: Pfn;
  readonly level: 1 | 2;
}

/** An allocation was mapped into user space: until that ends, its pages must not be converted. */
export interface UserMapped extends Fact {
  readonly type: 'user-mapped';
  readonly allocation: AllocationId;
}

/** A mapping of an allocation into user space ended. */
export interface UserUnmapped extends Fact {
  readonly type: 'user-unmapped';
  readonly allocation: AllocationId;
}

/** The page allocator gave a chunk to somebody else. */
export interface BackgroundAllocated extends Fact {
  readonly type: 'background-allocated';
  readonly pfn: Pfn;
  readonly pages: number;
  readonly migratetype: Migratetype;
}

/** Somebody else gave a chunk back to the page allocator. */
export interface BackgroundFreed extends Fact {
  readonly type: 'background-freed';
  readonly pfn: Pfn;
  readonly pages: number;
}

/** The deferred worker brought the reserve of shared pages up to its high watermark again, or as far as it could. */
export interface ReserveRefilled extends Fact {
  readonly type: 'reserve-refilled';
  /** Pages added to the reserve. */
  readonly pages: number;
}

/** The page allocator made a whole pageblock free by moving the movable pages in it elsewhere. */
export interface BlockCompacted extends Fact {
  readonly type: 'block-compacted';
  /** First page of the pageblock. */
  readonly pfn: Pfn;
  /** Pages moved. */
  readonly pages: number;
}

/** What a skipped request wanted with something that was refused before. */
export const SKIPPED = ['free', 'map-user', 'unmap-user', 'background-free'] as const;
export type Skipped = (typeof SKIPPED)[number];

/**
 * A request about what was refused before, so there was nothing to do, as for kfree(NULL). It is told so that the log can be
 * run again under a policy that does serve the allocation. It takes no request number.
 */
export interface RequestSkipped extends Fact {
  readonly type: 'request-skipped';
  /** The refused allocation; for a `background-free` the number of the refused chunk, 0 for one that nobody asked for. */
  readonly allocation: number;
  readonly what: Skipped;
  /** Flags of a `free`, as gfpName() gives them; GFP_KERNEL where they are left out. */
  readonly gfp?: string;
}

/** The page allocator had no chunk for somebody else. Refused chunks are numbered from 1 in the order of these events. */
export interface BackgroundFailed extends Fact {
  readonly type: 'background-failed';
  /** Number of the refused chunk. */
  readonly chunk: number;
  readonly pages: number;
  readonly migratetype: Migratetype;
}

/** Everything that can happen. */
export type PoolEvent =
  | OwnerRegistered
  | AllocationRequested
  | FreeRequested
  | PagesClaimed
  | PagesReturned
  | LargePageSplit
  | LargePageRestored
  | PagesDecrypted
  | PagesEncrypted
  | ConversionFailed
  | PagesAllocated
  | PagesFreed
  | AllocationFailed
  | PagesLeaked
  | SlabCreated
  | SlabDestroyed
  | ObjectAllocated
  | ObjectFreed
  | VmAreaMapped
  | VmAreaUnmapped
  | VmAreaDecrypted
  | VmAreaEncrypted
  | ContiguousSplit
  | UserMapped
  | UserUnmapped
  | BackgroundAllocated
  | BackgroundFreed
  | ReserveRefilled
  | BlockCompacted
  | RequestSkipped
  | BackgroundFailed;

export type EventType = PoolEvent['type'];

/** Event types in the order of their codes; a code never changes once a log was written with it. */
export const EVENT_TYPES = [
  'owner-registered',
  'allocation-requested',
  'free-requested',
  'pages-claimed',
  'pages-returned',
  'large-page-split',
  'large-page-restored',
  'pages-decrypted',
  'pages-encrypted',
  'conversion-failed',
  'pages-allocated',
  'pages-freed',
  'allocation-failed',
  'pages-leaked',
  'slab-created',
  'slab-destroyed',
  'object-allocated',
  'object-freed',
  'vm-area-mapped',
  'vm-area-unmapped',
  'vm-area-decrypted',
  'vm-area-encrypted',
  'contiguous-split',
  'user-mapped',
  'user-unmapped',
  'background-allocated',
  'background-freed',
  'reserve-refilled',
  'block-compacted',
  'request-skipped',
  'background-failed',
] as const satisfies readonly EventType[];

/** Code of each event type, as stored in the `type` column. */
export const TYPE = {
  ownerRegistered: 0,
  allocationRequested: 1,
  freeRequested: 2,
  pagesClaimed: 3,
  pagesReturned: 4,
  largePageSplit: 5,
  largePageRestored: 6,
  pagesDecrypted: 7,
  pagesEncrypted: 8,
  conversionFailed: 9,
  pagesAllocated: 10,
  pagesFreed: 11,
  allocationFailed: 12,
  pagesLeaked: 13,
  slabCreated: 14,
  slabDestroyed: 15,
  objectAllocated: 16,
  objectFreed: 17,
  vmAreaMapped: 18,
  vmAreaUnmapped: 19,
  vmAreaDecrypted: 20,
  vmAreaEncrypted: 21,
  contiguousSplit: 22,
  userMapped: 23,
  userUnmapped: 24,
  backgroundAllocated: 25,
  backgroundFreed: 26,
  reserveRefilled: 27,
  blockCompacted: 28,
  requestSkipped: 29,
  backgroundFailed: 30,
} as const;

/** An event without what the log adds: what given-when-then specs write down. */
export type EventBody = PoolEvent extends infer Event
  ? Event extends PoolEvent
    ? Omit<Event, 'seq' | 'time' | 'request'>
    : never
  : never;
