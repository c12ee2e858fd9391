/**
 * How little idle memory a pool of whole blocks can have if it may convert only so many blocks, even if it knows all requests.
 *
 * At time t the pool shares at least LB(t) blocks (lower.ts). Think of its blocks as levels: the k-th is needed while LB(t) >= k. A level
 * is shared when it is needed first. In each pause after that it stays shared, or it costs two conversions to make it private and to share
 * it again; after the last need it costs one. Which pauses to choose is a knapsack. Its fractional solution, longest pause for a
 * conversion first, is at least as good as any choice.
 */
import { type AllocateRequest, PAGE_SIZE, type Request } from '@decpool/model';
import { isBounded, LiveBytes } from './lower.ts';

/** A time in which a level need not be shared, ns, and the conversions that it costs not to share it. */
interface Pause {
  readonly ns: number;
  readonly conversions: 1 | 2;
}

export interface FewConversions {
  /** Blocks at peak: each must be shared once. */
  readonly blocksPeak: number;
  /** Bytes: the least mean idle memory with `blocksPeak + index` conversions, and with any number of them at the end. */
  readonly leastIdle: readonly number[];
}

/** The list ends, but for its last value, when a block can be converted so many times on average. */
const CONVERSIONS_OF_A_BLOCK = 4;

/** `isCounted`: which of the bounded requests the pool serves from blocks. */
export function fewConversions(
  requests: Iterable<Request>,
  pagesPerBlock: number,
  isCounted: (request: AllocateRequest) => boolean = () => true,
): FewConversions {
  const blockBytes = pagesPerBlock * PAGE_SIZE;
  const live = new LiveBytes(blockBytes, isCounted);
  const pages = new LivePages(isCounted);
  const pauses: Pause[] = [];
  /** Of each level: since when it is not needed. */
  const since: number[] = [];
  let [time, blocks, usedNs, neededNs] = [0, 0, 0, 0];
  for (const request of requests) {
    usedNs += pages.count * PAGE_SIZE * (request.time - time);
    neededNs += blocks * (request.time - time);
    time = request.time;
    pages.serve(request);
    if (!live.serve(request)) continue;
    const needed = live.leastBlocks();
    for (; blocks < needed; blocks++) {
      if (blocks < since.length) pauses.push({ ns: time - since[blocks], conversions: 2 });
      else since.push(time);
    }
    while (blocks > needed) since[--blocks] = time;
  }
  for (let level = blocks; level < since.length; level++) {
    pauses.push({ ns: time - since[level], conversions: 1 });
  }
  const idle = (sharedNs: number) => (time === 0 ? 0 : Math.max(0, sharedNs * blockBytes - usedNs) / time);
  const most = (CONVERSIONS_OF_A_BLOCK - 1) * since.length;
  return {
    blocksPeak: since.length,
    leastIdle: [...leastShared(neededNs, pauses, most).map(idle), idle(neededNs)],
  };
}

/** Block-ns with 0, 1, 2 ... `most` conversions beyond the first of each block. */
function leastShared(neededNs: number, pauses: readonly Pause[], most: number): number[] {
  const inOrder = pauses
    .filter(({ ns }) => ns > 0)
    .toSorted((a, b) => b.ns / b.conversions - a.ns / a.conversions);
  const least = [neededNs + pauses.reduce((sum, { ns }) => sum + ns, 0)];
  for (const { ns, conversions } of inOrder) {
    for (let part = 0; part < conversions && least.length <= most; part++) {
      least.push(least[least.length - 1] - ns / conversions);
    }
  }
  return least;
}

/** Pages that requests fill; objects that share a page count as pages, so that it is not too few. */
class LivePages {
  count = 0;
  readonly #isCounted: (request: AllocateRequest) => boolean;
  readonly #held = new Map<number, number>();

  constructor(isCounted: (request: AllocateRequest) => boolean) {
    this.#isCounted = isCounted;
  }

  serve(request: Request): void {
    if (request.kind === 'allocate' && isBounded(request) && this.#isCounted(request)) {
      this.#held.set(request.allocation, request.pages);
      this.count += request.pages;
    } else if (request.kind === 'free') {
      this.count -= this.#held.get(request.allocation) ?? 0;
      this.#held.delete(request.allocation);
    }
  }
}
