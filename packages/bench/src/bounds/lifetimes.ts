import type { AllocationId, Request } from '@decpool/model';
import { isServable } from './lower.ts';

/** How differently long the allocations of a trace live, in simulated ns. */
export interface Lifetimes {
  readonly allocations: number;
  /** Not freed by the end of the trace: these live until then, and in truth longer. */
  readonly neverFreed: number;
  /** Freed at the time they were asked for. They have no say in `shortestNs`: mu would be infinite. */
  readonly zero: number;
  readonly longestNs: number;
  readonly shortestNs: number;
  /** Longest / shortest; undefined where nothing lives for any time. */
  readonly mu: number | undefined;
}

/** Of the allocations that the bounds are on: no streaming maps, and nothing that nobody serves. */
export function lifetimesOf(requests: readonly Request[]): Lifetimes {
  const since = new Map<AllocationId, number>();
  const lengths = new Lengths();
  let allocations = 0;
  for (const request of requests) {
    if (request.kind === 'allocate' && request.api !== 'dma_map' && isServable(request)) {
      since.set(request.allocation, request.time);
      allocations++;
    } else if (request.kind === 'free') {
      const start = since.get(request.allocation);
      if (start === undefined) continue;
      since.delete(request.allocation);
      lengths.add(request.time - start);
    }
  }
  const end = requests.at(-1)?.time ?? 0;
  for (const start of since.values()) lengths.add(end - start);
  const { zero, longest, shortest } = lengths;
  const isLiving = longest > 0;
  return {
    allocations,
    neverFreed: since.size,
    zero,
    longestNs: longest,
    shortestNs: isLiving ? shortest : 0,
    mu: isLiving ? longest / shortest : undefined,
  };
}

class Lengths {
  zero = 0;
  longest = 0;
  shortest = Number.POSITIVE_INFINITY;

  add(ns: number): void {
    if (ns === 0) {
      this.zero++;
      return;
    }
    this.longest = Math.max(this.longest, ns);
    this.shortest = Math.min(this.shortest, ns);
  }
}
