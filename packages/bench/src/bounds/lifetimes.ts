import type { AllocationId } from '@decpool/model';
import { endOf, type Requests } from '../workloads/requests.ts';
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
export function lifetimesOf(requests: Requests): Lifetimes {
  const since = new Map<AllocationId, number>();
  let [allocations, zero, longestNs, shortestNs] = [0, 0, 0, Number.POSITIVE_INFINITY];
  const ended = (ns: number) => {
    allocations++;
    if (ns === 0) zero++;
    else [longestNs, shortestNs] = [Math.max(longestNs, ns), Math.min(shortestNs, ns)];
  };
  for (const request of requests) {
    if (request.kind === 'allocate' && isBounded(request)) since.set(request.allocation, request.time);
    if (request.kind !== 'free') continue;
    const start = since.get(request.allocation);
    if (start !== undefined) ended(request.time - start);
    since.delete(request.allocation);
  }
  const neverFreed = since.size;
  const end = endOf(requests);
  for (const start of since.values()) ended(end - start);
  const hasAny = longestNs > 0;
  return {
    ...{ allocations, neverFreed, zero, longestNs },
    shortestNs: hasAny ? shortestNs : 0,
    mu: hasAny ? longestNs / shortestNs : undefined,
  };
}
