/**
 * decpool: the pool that we recommend. This file is the specification of what to write in C; `decpool ablation` prints what each of
 * its rules is worth.
 *
 * The pool takes whole blocks (pageblocks of 2 MiB) from the page allocator and shares each with one set_memory_decrypted(), so
 * that no 2M mapping is split. Requests are served from the free pages of its blocks, which are all shared.
 *
 * - **Place.** Among the blocks with room, the one whose longest free range is shortest; among equals the one with most
 *   allocations; in it the lowest address (placement/longest-free-range.ts). Sparsely used blocks run empty.
 * - **Grow.** If no block has room, one more is claimed: by a caller that may sleep, or by the deferred worker. Without a whole free
 *   block the largest chunk that there is has to do.
 * - **Reserve.** Below LOW free pages a deferred worker grows the pool to HIGH. A caller that may not sleep takes free pages or fails.
 *   It replaces the atomic DMA pools (kernel/dma/pool.c), so that there is one reserve and not two.
 * - **Return.** A block that was empty for DELAY is made private and goes back to the page allocator, the oldest first, as long as HIGH
 *   free pages are left.
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
  blockIndex,
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

/** Pages of the reserve: 256 KiB, below which it is filled, and the 2 MiB up to which it is filled. */
const LOW_PAGES = 64;
const HIGH_PAGES = 512;
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
  readonly replacesAtomicPools = true;
  readonly #view: StateView;
  /** The free pages of the pool, all of them shared. */
  readonly #free: FreeMap;
  readonly #places: PlaceFinder;
  readonly #blockPages: number;
  readonly #blockOrder: number;
  /** Since when each block without an allocation is empty, simulated ns, the oldest first. */
  readonly #emptySince = new Map<BlockIndex, number>();
  /** Where a reserve is kept: all memory, and the zones and nodes that callers who may not sleep asked for. */
  readonly #reservedIn: BlockRange[] = [];

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

  /** Below the low watermark. */
  hasWork(range: BlockRange): boolean {
    return this.#freePagesIn(range) < LOW_PAGES;
  }

  /** When the oldest empty block has been empty for the delay, if the reserve does not need it. */
  workDueAt(): number {
    if (this.#emptySince.size === 0) return Number.POSITIVE_INFINITY;
    for (const [block, since] of this.#emptySince) if (!this.#isNeeded(block)) return since + DELAY_NS;
    return Number.POSITIVE_INFINITY;
  }

  work(_view: StateView, record: Recorder): void {
    if (this.hasWork(record.reach)) this.#refill(record);
    this.#returnEmpty(DELAY_NS, record);
  }

  /** Memory is short: nothing but the reserve is worth keeping. */
  shrink(_view: StateView, record: Recorder): void {
    this.#returnEmpty(0, record);
  }

  #refill(record: Recorder): void {
    const { reach } = record;
    const isKnown = this.#reservedIn.some(
      (range) => range.firstBlock === reach.firstBlock && range.endBlock === reach.endBlock,
    );
    if (!isKnown) this.#reservedIn.push(reach);
    const before = this.#freePagesIn(reach);
    while (this.#freePagesIn(reach) < HIGH_PAGES) {
      const grown = this.#grow(this.#blockOrder, 0, record);
      if (typeof grown === 'string') break;
      if (grown.pages === this.#blockPages)
        this.#emptySince.set(this.#free.blockOf(grown.start), record.time);
    }
    const added = this.#freePagesIn(reach) - before;
    if (added > 0) record.refilled(added);
  }

  /** Returns the blocks that have been empty for some ns, unless the reserve needs them. */
  #returnEmpty(delay: number, record: Recorder): void {
    for (const [block, since] of this.#emptySince) {
      if (since + delay > record.time) return;
      if (this.#isNeeded(block)) continue;
      this.#emptySince.delete(block);
      this.#return(toPfn(block * this.#blockPages), this.#blockPages, record);
    }
  }

  /** Whether too few pages would be free without a block. */
  #isNeeded(block: BlockIndex): boolean {
    for (const range of this.#reservedIn) {
      if (block < range.firstBlock || block >= range.endBlock) continue;
      if (this.#freePagesIn(range) - this.#blockPages < HIGH_PAGES) return true;
    }
    return false;
  }

  /** Makes the pool's free pages in a range private and gives them back. What leaks is the pool's no more. */
  #return(start: Pfn, pages: number, record: Recorder): void {
    this.#forEachFreeRun(start, pages, (from, count) => {
      if (record.encrypt(from, count) === 'leaked') this.#free.take(from, count);
    });
    this.#forEachFreeRun(start, pages, (from, count) => {
      this.#free.take(from, count);
      record.giveBack(from, count);
    });
  }

  /** Calls `each` for the free runs of a range, block by block; it may take the run. */
  #forEachFreeRun(start: Pfn, pages: number, each: (from: Pfn, count: number) => void): void {
    const end = start + pages;
    for (
      let block = this.#free.blockOf(start);
      block * this.#blockPages < end;
      block = blockIndex(block + 1)
    ) {
      this.#free.forEachRun(block, (runStart, run) => {
        const from = Math.max(runStart, start);
        const count = Math.min(runStart + run, end) - from;
        if (count > 0) each(toPfn(from), count);
      });
    }
  }

  #freePagesIn({ firstBlock, endBlock }: BlockRange): number {
    return this.#free.freePagesIn(firstBlock, endBlock);
  }
}
