import type { Request } from '@decpool/model';

/**
 * Lower bound on the peak of shared blocks, for any policy: max over time of ceil(live / P), where live is the pages
 * in live allocations as they were asked for and P the pages of a block. It ignores fragmentation and alignment,
 * so it may be out of reach; no policy that serves every request can be below it.
 */
export function lowerBoundOnBlocks(requests: Iterable<Request>, pagesPerBlock: number): number {
  const pagesOf = new Map<number, number>();
  let live = 0;
  let peak = 0;
  for (const request of requests) {
    if (request.kind === 'allocate') {
      pagesOf.set(request.allocation, request.pages);
      live += request.pages;
      if (live > peak) peak = live;
    } else {
      live -= pagesOf.get(request.allocation) ?? 0;
    }
  }
  return Math.ceil(peak / pagesPerBlock);
}
