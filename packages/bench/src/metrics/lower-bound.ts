import type { AllocateRequest, Request } from '@decpool/model';

/**
 * Lower bound on the peak of shared blocks, for any policy: max over time of ceil(live / P), where live is the pages
 * in live allocations as they were asked for and P the pages of a block. What shares a page with others counts by its
 * bytes. It ignores fragmentation and alignment, so it may be out of reach; no policy that serves every request can be
 * below it. Streaming maps are left out: they live in the bounce buffers.
 */
export function lowerBoundOnBlocks(requests: Iterable<Request>, pagesPerBlock: number): number {
  const bytesOf = new Map<number, number>();
  let live = 0;
  let peak = 0;
  for (const request of requests) {
    if (request.kind === 'allocate') {
      const bytes = leastBytes(request);
      bytesOf.set(request.allocation, bytes);
      live += bytes;
      if (live > peak) peak = live;
    } else if (request.kind === 'free') {
      live -= bytesOf.get(request.allocation) ?? 0;
    }
  }
  return Math.ceil(peak / (pagesPerBlock * PAGE_BYTES));
}

const PAGE_BYTES = 4096;

function leastBytes({ api, pages, bytes }: AllocateRequest): number {
  if (api === 'dma_map') return 0;
  const isSmall = api === 'kmalloc' || (api === 'dma_alloc_coherent' && bytes < PAGE_BYTES);
  return isSmall ? bytes : pages * PAGE_BYTES;
}
