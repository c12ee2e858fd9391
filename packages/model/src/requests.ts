import type { AllocationId, Nanoseconds } from './units.ts';

/**
 * Which kernel interface a request comes through.
 * - `alloc_pages`: 2^order contiguous pages, naturally aligned.
 * - `alloc_pages_exact`: a count of contiguous pages, aligned to the next power of two of the count.
 * - `vmalloc`: a count of pages that need not be contiguous.
 */
export const APIS = ['alloc_pages', 'alloc_pages_exact', 'vmalloc'] as const;
export type Api = (typeof APIS)[number];

export interface AllocateRequest {
  readonly kind: 'allocate';
  /** Simulated ns; never smaller than the request before. */
  readonly time: Nanoseconds;
  /** The name this allocation has from now on; fresh in every request. */
  readonly allocation: AllocationId;
  readonly api: Api;
  /** Whole pages wanted; for `alloc_pages` a power of two. */
  readonly pages: number;
  /** Bytes the caller can use; at most pages x page size. What is over is internal fragmentation. */
  readonly bytes: number;
  /** Who asks, as a kernel engineer would name it: a device, a driver, a function. */
  readonly owner: string;
}

export interface FreeRequest {
  readonly kind: 'free';
  readonly time: Nanoseconds;
  readonly allocation: AllocationId;
}

/** One thing that is asked of a policy. Its success or failure is told by the events it causes. */
export type Request = AllocateRequest | FreeRequest;
