import type { AllocationId, Request } from '@decpool/model';
import { isBounded } from './lower.ts';

/** How long the allocations of a trace live, in simulated ns. */
export interface Lifetimes {
  readonly allocations: number;
  /** Not freed by the end of the trace. They count as freed at the end, so their lifetime is too short. */
  readonly neverFreed: number;
  /** Freed at the time of their allocation. `shortestNs` leaves them out: mu would be infinite. */
  readonly zero: number;
  readonly longestNs: number;
  readonly shortestNs: number;
  /** Longest / shortest; undefined if no allocation lives for any time. */
  readonly mu: number | undefined;
}

/** Of the allocations that the bounds count. */
export function lifetimesOf(requests: readonly Request[]): Lifetimes {
  const since = new Map<AllocationId, number>();
  const lengths: number[] = [];
  for (const request of requests) {
    if (request.kind === 'allocate' && isBounded(request)) since.set(request.allocation, request.time);
    if (request.kind !== 'free') continue;
    const start = since.get(request.allocation);
    if (start !== undefined) lengths.push(request.time - start);
    since.delete(request.allocation);
  }
  const end = requests.at(-1)?.time ?? 0;
  for (const start of since.values()) lengths.push(end - start);
  const positive = lengths.filter((ns) => ns > 0);
  const longestNs = positive.reduce((longest, ns) => Math.max(longest, ns), 0);
  const shortestNs = positive.reduce((shortest, ns) => Math.min(shortest, ns), longestNs);
  return {
    allocations: lengths.length,
    neverFreed: since.size,
    zero: lengths.length - positive.length,
    longestNs,
    shortestNs,
    mu: longestNs > 0 ? longestNs / shortestNs : undefined,
  };
}
