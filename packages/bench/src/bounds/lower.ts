import {
  type AllocateRequest,
  ANY_NODE,
  MAX_PAGE_ORDER,
  orderFor,
  PAGE_SIZE,
  type Request,
} from '@decpool/model';
import { PageTime } from '@decpool/model/internal';

/** No policy that serves the requests is below these. */
export interface LowerBounds {
  /** Blocks shared at peak, and so also blocks ever shared: max over time of LB(t). */
  readonly blocksPeak: number;
  /** Integral of LB(t) from time 0 to the last request, in block-ns; exact. */
  readonly blockNs: bigint;
}

/**
 * Lower bounds for any policy, in one pass. With live(t) the requested bytes of live allocations, and P the bytes of a block,
 * at least LB(t) = max(ceil(live(t) / P), sum over nodes n of ceil(live_n(t) / P)) blocks are shared, where live_n is requested
 * on NUMA node n alone: a block lies in one node. Zones add nothing: they are nested, and what may lie high may lie low as well.
 *
 * What shares a page with others counts by its bytes. Fragmentation and alignment are ignored, so the bounds may be out of
 * reach. isBounded() says what is left out.
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

/** Whether it can be served: the page allocator and every policy refuse contiguous pages above the highest order. */
export const isServable = ({ api, pages }: AllocateRequest): boolean =>
  api === 'vmalloc' || orderFor(pages) <= MAX_PAGE_ORDER;

/** Whether the bounds count it. Streaming maps are left out, because they live in the bounce buffers; so is what is not servable. */
export const isBounded = (request: AllocateRequest): boolean =>
  request.api !== 'dma_map' && isServable(request);

/** Requested bytes that are live after each request: all, and those of each requested node. */
export class LiveBytes {
  readonly #blockBytes: number;
  readonly #isCounted: (request: AllocateRequest) => boolean;
  readonly #held = new Map<number, { readonly bytes: number; readonly node: number }>();
  readonly #byNode = new Map<number, number>();
  #total = 0;

  /** `isCounted`: which of the bounded requests are. */
  constructor(blockBytes: number, isCounted: (request: AllocateRequest) => boolean = () => true) {
    this.#blockBytes = blockBytes;
    this.#isCounted = isCounted;
  }

  get bytes(): number {
    return this.#total;
  }

  /** Returns whether the request allocates or frees. */
  serve(request: Request): boolean {
    if (request.kind === 'allocate') {
      const { allocation, node = ANY_NODE } = request;
      const bytes = this.#isCounted(request) ? leastBytes(request) : 0;
      this.#held.set(allocation, { bytes, node });
      this.#change(bytes, node);
    } else if (request.kind === 'free') {
      const held = this.#held.get(request.allocation);
      this.#held.delete(request.allocation);
      if (held !== undefined) this.#change(-held.bytes, held.node);
    } else return false;
    return true;
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
  if (!isBounded(request)) return 0;
  const { api, pages, bytes } = request;
  const isSmall = api === 'kmalloc' || (api === 'dma_alloc_coherent' && bytes < PAGE_SIZE);
  return isSmall ? bytes : pages * PAGE_SIZE;
}
