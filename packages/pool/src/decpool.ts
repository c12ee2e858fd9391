/**
 * decpool: the pool that we recommend. This file is the specification of what to write in C; `decpool ablation` prints what each of
 * its rules is worth.
 *
 * What fits takes free slots of the boot pool of swiotlb, which a confidential guest shares anyway. For the rest the pool takes whole
 * blocks (pageblocks of 2 MiB) from the page allocator and shares each with one set_memory_decrypted(), so that no 2M mapping is
 * split. All free pages of its blocks are shared.
 *
 * - **Slots first.** A request of at most 256 KiB takes slots that lie together, and converts nothing, while half of all slots are free:
 *   streaming maps need them. A caller that may not sleep takes slots as long as there are any. Chunks of the dma-buf heap take none.
 * - **Place.** Among the blocks with room, the one whose longest free range is shortest; among equals the one with most
 *   allocations; in it the lowest address (placement/longest-free-range.ts). Sparsely used blocks run empty.
 * - **Grow.** If no block has room, a caller that may sleep claims one more. Without a whole free block the largest chunk that there is
 *   has to do.
 * - **Callers that may not sleep** and find no slots take free pages of the pool, or fail; then a worker adds a block for those that come
 *   after them. So the atomic DMA pools (kernel/dma/pool.c) are not needed.
 * - **Return.** A block that was empty for DELAY is made private and goes back to the page allocator, the oldest first.
 * - **Shrinker.** If the page allocator is short of memory, empty blocks go back without the delay.
 * - **No-op.** Outside a confidential VM nothing is shared: the pool claims what a kernel without it claims.
 * - **Failures.** Pages whose conversion failed for good are leaked. A request whose block could not be shared tries one more.
 *
 * In C there is a struct for each zone of a node, with a lock, the block lists by longest free range, and the list of empty blocks. A
 * conversion is made without the lock, on a block that is in no list.
 */
import {
  type AllocateRequest,
  type BlockIndex,
  type FreeRequest,
  MAX_PAGE_ORDER,
  orderFor,
  type Pfn,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import { withoutPool } from './baselines/linux-7.3.ts';
import { PlaceFinder } from './place-finder.ts';
import { FreeMap } from './placement/free-map.ts';
import { longestFreeRange } from './placement/longest-free-range.ts';
import type { BlockRange, Policy, PolicyFactory, Recorder } from './policy.ts';
import { type SlabCache, slabCacheFor } from './slab/slab-cache.ts';

/** How long an empty block is kept, ns: longer than a driver takes to rebuild its rings. */
const DELAY_NS = 1e9;
/** Blocks that a request tries to share. */
const TRIES = 2;

/** The chunk that the pool grew by, or why it did not grow. */
type Grown = { readonly start: Pfn; readonly pages: number } | 'out-of-memory' | 'conversion-failed';

export const decpool: PolicyFactory = (view) =>
  view.platform.confidential ? new Decpool(view) : withoutPool('decpool')(view);

class Decpool implements Policy {
  readonly name = 'decpool';
  readonly triesSwiotlbFirst = true;
  readonly replacesAtomicPools = true;
  readonly #view: StateView;
  /** The free pages of the pool, all of them shared. */
  readonly #free: FreeMap;
  readonly #places: PlaceFinder;
  readonly #blockPages: number;
  readonly #blockOrder: number;
  /** Since when each block without an allocation is empty, simulated ns, the oldest first. */
  readonly #emptySince = new Map<BlockIndex, number>();
  /** Where a caller that may not sleep found no free pages, since the worker ran. */
  #missedIn: BlockRange | undefined;

  constructor(view: StateView) {
    this.#view = view;
    this.#free = new FreeMap(view.geometry);
    this.#places = new PlaceFinder(this.#free, longestFreeRange(this.#free));
    this.#blockPages = view.geometry.pagesPerBlock;
    this.#blockOrder = orderFor(this.#blockPages);
  }

  /** Small objects: slabs of their own, so that no private object shares a page with them. */
  cacheFor(request: AllocateRequest): SlabCache | undefined {
    return slabCacheFor(request, this.#view.platform);
  }

  allocate(request: AllocateRequest, _view: StateView, record: Recorder): void {
    if (request.api === 'vmalloc') this.#allocateScattered(request, record);
    else if (orderFor(request.pages) > MAX_PAGE_ORDER) record.fail('too-large');
    else this.#allocateContiguous(request, record);
  }

  #allocateContiguous(request: AllocateRequest, record: Recorder): void {
    const { pages } = request;
    const order = orderFor(pages);
    for (let tries = 0; tries <= TRIES; tries++) {
      const start = this.#places.find(pages, 1 << order, record.zones, request);
      if (start !== -1) {
        this.#give(start, pages, record);
        return;
      }
      if (!record.mayConvert) {
        if (pages <= this.#blockPages) this.#missedIn = record.reach;
        record.fail('would-sleep');
        return;
      }
      const grown = tries < TRIES ? this.#grow(Math.max(order, this.#blockOrder), order, record) : undefined;
      if (grown === 'out-of-memory') {
        record.fail(grown);
        return;
      }
    }
    record.fail('conversion-failed');
  }

  /** vmalloc: any pages. The pool grows first until it has enough, so that holes are filled and a refused request takes nothing. */
  #allocateScattered(request: AllocateRequest, record: Recorder): void {
    if (!this.#growFor(request.pages, record)) return;
    let wanted = this.#blockPages;
    for (let missing = request.pages; missing > 0; ) {
      wanted = Math.min(wanted, missing);
      const start = this.#places.find(wanted, 1, record.zones, request);
      if (start === -1) {
        // The next smaller power of two, as vmalloc goes down the orders (mm/vmalloc.c, vm_area_alloc_pages).
        wanted = 1 << (31 - Math.clz32(wanted - 1));
        continue;
      }
      this.#give(start, wanted, record);
      missing -= wanted;
    }
  }

  /** Grows until so many pages are free, or refuses the request and undoes that. */
  #growFor(pages: number, record: Recorder): boolean {
    const grownBy: Exclude<Grown, string>[] = [];
    for (let failures = 0; this.#freePagesIn(record.reach) < pages; ) {
      const grown = record.mayConvert ? this.#grow(this.#blockOrder, 0, record) : 'would-sleep';
      if (typeof grown !== 'string') grownBy.push(grown);
      else if (grown !== 'conversion-failed' || ++failures >= TRIES) {
        for (const chunk of grownBy) this.#return(chunk.start, chunk.pages, record);
        record.fail(grown);
        return false;
      }
    }
    return true;
  }

  /** Claims a chunk of the largest order there is, from `order` down to `lowest`, and shares it with one conversion. */
  #grow(order: number, lowest: number, record: Recorder): Grown {
    const least = Math.max(lowest, orderFor(this.#view.platform.granulePages));
    for (let tried = order; tried >= least; tried--) {
      const start = record.claim(tried);
      if (start === -1) continue;
      const pages = 1 << tried;
      const result = record.decrypt(start, pages);
      if (result === 'private') record.giveBack(start, pages);
      if (result !== 'converted') return 'conversion-failed';
      this.#free.forEachBlock(start, pages, (from, count) => this.#free.put(from, count));
      return { start, pages };
    }
    return 'out-of-memory';
  }

  /** Adds a block that is empty now, for callers that may not sleep. */
  #growAhead(record: Recorder): void {
    this.#missedIn = undefined;
    const grown = this.#grow(this.#blockOrder, this.#blockOrder, record);
    if (typeof grown !== 'string') this.#emptySince.set(this.#free.blockOf(grown.start), record.time);
  }

  #give(start: Pfn, pages: number, record: Recorder): void {
    record.allocate(start, pages);
    const free = this.#free;
    for (let at: number = start; at < start + pages; ) {
      const count = free.pagesInBlock(at, start + pages);
      const block = free.blockOf(at);
      free.take(toPfn(at), count);
      free.extents[block]++;
      this.#emptySince.delete(block);
      at += count;
    }
  }

  /** Free pages are shared already. */
  freesWithoutSleeping(): boolean {
    return true;
  }

  /** Converts nothing: a block that runs empty goes on the list, for the worker. */
  free({ allocation }: FreeRequest, view: StateView, record: Recorder): void {
    const free = this.#free;
    for (let left = view.extentCount(allocation); left > 0; left--) {
      const start = view.extentPfn(allocation);
      const end = start + view.extentPages(allocation);
      record.free(start, end - start);
      for (let at: number = start; at < end; ) {
        const count = free.pagesInBlock(at, end);
        const block = free.blockOf(at);
        free.put(toPfn(at), count);
        if (--free.extents[block] === 0) this.#emptySince.set(block, record.time);
        at += count;
      }
    }
  }

  /** When the oldest empty block has been empty for the delay. */
  workDueAt(): number {
    for (const [, since] of this.#emptySince) return since + DELAY_NS;
    return Number.POSITIVE_INFINITY;
  }

  hasWork({ firstBlock, endBlock }: BlockRange): boolean {
    return this.#missedIn?.firstBlock === firstBlock && this.#missedIn.endBlock === endBlock;
  }

  work(_view: StateView, record: Recorder): void {
    if (this.hasWork(record.reach)) this.#growAhead(record);
    this.#returnEmpty(DELAY_NS, record);
  }

  /** Memory is short: no empty block is worth keeping. */
  shrink(_view: StateView, record: Recorder): void {
    this.#returnEmpty(0, record);
  }

  /** Returns the blocks that have been empty for some ns. */
  #returnEmpty(delay: number, record: Recorder): void {
    for (const [block, since] of this.#emptySince) {
      if (since + delay > record.time) return;
      this.#emptySince.delete(block);
      this.#return(toPfn(block * this.#blockPages), this.#blockPages, record);
    }
  }

  /** Makes the pool's free pages in a range of one block private and gives them back. What leaks is the pool's no more. */
  #return(start: Pfn, pages: number, record: Recorder): void {
    this.#forEachFreeRun(start, pages, (from, count) => {
      if (record.encrypt(from, count) === 'leaked') this.#free.take(from, count);
    });
    this.#forEachFreeRun(start, pages, (from, count) => {
      this.#free.take(from, count);
      record.giveBack(from, count);
    });
  }

  /** Calls `each` for the free runs of a range in one block; it may take the run. */
  #forEachFreeRun(start: Pfn, pages: number, each: (from: Pfn, count: number) => void): void {
    this.#free.forEachRun(this.#free.blockOf(start), (runStart, run) => {
      const from = Math.max(runStart, start);
      const count = Math.min(runStart + run, start + pages) - from;
      if (count > 0) each(toPfn(from), count);
    });
  }

  #freePagesIn({ firstBlock, endBlock }: BlockRange): number {
    return this.#free.freePagesIn(firstBlock, endBlock);
  }
}
