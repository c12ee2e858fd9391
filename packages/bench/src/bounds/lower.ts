import {
  type AllocateRequest,
  ANY_NODE,
  MAX_PAGE_ORDER,
  orderFor,
  PageTime,
  type Request,
} from '@decpool/model';
import { PAGE_SIZE } from '../workloads/workload.ts';

/** What no policy that serves the requests can be below. */
export interface LowerBounds {
  /** Blocks shared at peak, and so also blocks ever shared: max over time of LB(t). */
  readonly blocksPeak: number;
  /** Integral of LB(t) from time 0 to the last request, in block-ns; exact. */
  readonly blockNs: bigint;
}

/**
 * Lower bounds for any policy, in one pass. With live(t) the bytes in live allocations as they were asked for, and P the
 * bytes of a block, at least LB(t) = max(ceil(live(t) / P), sum over nodes n of ceil(live_n(t) / P)) blocks are shared,
 * where live_n is asked for on NUMA node n alone: a block lies in one node, so what must be on different nodes cannot
 * mix in it. Zones add nothing: they are nested, and what may lie high may lie low as well.
 *
 * What shares a page with others counts by its bytes. Fragmentation and alignment are ignored, so the bounds may be out
 * of reach. Left out are streaming maps, which live in the bounce buffers, and what nobody serves (see isServable()).
 */
export function lowerBounds(requests: Iterable<Request>, pagesPerBlock: number): LowerBounds {
  const live = new LiveBytes(pagesPerBlock * PAGE_SIZE);
  const blockTime = new PageTime();
  let time = 0;
  let blocks = 0;
  let blocksPeak = 0;
  for (const request of requests) {
    if (request.time > time) {
      blockTime.add(blocks, request.time - time);
      time = request.time;
    }
    if (!live.serve(request)) continue;
    blocks = live.leastBlocks();
    blocksPeak = Math.max(blocksPeak, blocks);
  }
  return { blocksPeak, blockNs: blockTime.pageNs };
}

/** Whether anybody serves it: contiguous pages beyond the highest order are refused by the page allocator and by every policy. */
export const isServable = ({ api, pages }: AllocateRequest): boolean =>
  api === 'vmalloc' || orderFor(pages) <= MAX_PAGE_ORDER;

/** Bytes that live, as they were asked for, in all and by the node they were asked for on; after each request. */
export class LiveBytes {
  readonly #blockBytes: number;
  readonly #held = new Map<number, { readonly bytes: number; readonly node: number }>();
  readonly #byNode = new Map<number, number>();
  #total = 0;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  /** Bytes asked for by what lives and shares memory. */
  get bytes(): number {
    return this.#total;
  }

  /** Tells whether the request was one that memory can live or die by. */
  serve(request: Request): boolean {
    if (request.kind === 'allocate') this.#allocate(request);
    else if (request.kind === 'free') this.#free(request.allocation);
    else return false;
    return true;
  }

  #allocate(request: AllocateRequest): void {
    const { allocation, node = ANY_NODE } = request;
    const bytes = leastBytes(request);
    this.#held.set(allocation, { bytes, node });
    this.#change(bytes, node);
  }

  #free(allocation: number): void {
    const held = this.#held.get(allocation);
    if (held === undefined) return;
    this.#held.delete(allocation);
    this.#change(-held.bytes, held.node);
  }

  #change(bytes: number, node: number): void {
    this.#total += bytes;
    if (node !== ANY_NODE) this.#byNode.set(node, (this.#byNode.get(node) ?? 0) + bytes);
  }

  /** LB(t) of lowerBounds(). */
  leastBlocks(): number {
    let apart = 0;
    for (const bytes of this.#byNode.values()) apart += Math.ceil(bytes / this.#blockBytes);
    return Math.max(Math.ceil(this.#total / this.#blockBytes), apart);
  }
}

function leastBytes(request: AllocateRequest): number {
  const { api, pages, bytes } = request;
  if (api === 'dma_map' || !isServable(request)) return 0;
  const isSmall = api === 'kmalloc' || (api === 'dma_alloc_coherent' && bytes < PAGE_SIZE);
  return isSmall ? bytes : pages * PAGE_SIZE;
}
