import type { Migratetype } from '../memory-state.ts';
import type { Direction } from '../platform.ts';
import type { Api } from '../requests.ts';
import type { AllocationId, Nanoseconds, Pfn } from '../units.ts';

/** Why a request was not served. */
export const FAILURE_REASONS = [
  /** The page source has no free chunk left that would serve the request. */
  'out-of-memory',
  /** More contiguous pages than the page allocator's largest order holds. */
  'too-large',
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
}

/** A caller gave an allocation back. */
export interface FreeRequested extends Fact {
  readonly type: 'free-requested';
  readonly allocation: AllocationId;
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

/** A block's 2M mapping was put back (only where the platform restores). */
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

/** A conversion returned an error: from now on nobody knows whether the pages are shared. */
export interface ConversionFailed extends Fact {
  readonly type: 'conversion-failed';
  readonly pfn: Pfn;
  readonly pages: number;
  readonly direction: Direction;
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
  | PagesLeaked;

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
} as const;

/** An event without what the log adds: what given-when-then specs write down. */
export type EventBody = PoolEvent extends infer Event
  ? Event extends PoolEvent
    ? Omit<Event, 'seq' | 'time' | 'request'>
    : never
  : never;
