/**
 * The atomic DMA pool (kernel/dma/pool.c): memory that is shared beforehand for callers that may not sleep. It consists of
 * chunks, as lib/genalloc.c keeps them: a bitmap of pages each, the newest chunk first, and the first place that fits,
 * naturally aligned (gen_pool_first_fit_order_align). A chunk is converted as a whole when it comes and never leaves.
 *
 * The kernel makes a pool for each of the zones Normal, DMA32 and DMA, and a request takes from any that its device can
 * reach (dma_guess_pool()). Here the chunks of all are in one list, and one pool is made at boot. The range of a zone or node
 * gets its own pool after the first refusal of a request that is bound to it.
 */
import {
  type FailureReason,
  MAX_PAGE_ORDER,
  orderFor,
  type Pfn,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import type { BlockRange, Recorder } from '../policy.ts';
import { UnitMap } from '../unit-map.ts';

/** dma_atomic_pool_init(): 128 KiB for each GiB of memory, from 128 KiB to the largest chunk, 4 MiB. In pages. */
const PAGES_PER_GIB = 32;
const GIB_PAGES = 2 ** 18;
const MIN_PAGES = 32;
const MAX_PAGES = 1 << MAX_PAGE_ORDER;

/** Pages that the pool begins with; `view` is of a state in which nothing has happened yet. */
export function initialPages(view: StateView): number {
  // All RAM is in the direct map.
  const ram = view.counter('mapped4KPages') + view.counter('mapped2MPages') + view.counter('mapped1GPages');
  return Math.max(MIN_PAGES, Math.min(MAX_PAGES, Math.floor((ram * PAGES_PER_GIB) / GIB_PAGES)));
}

/** struct gen_pool_chunk. It is naturally aligned, so an alignment inside it is one of addresses. */
interface Chunk {
  readonly start: number;
  readonly pages: number;
  readonly map: UnitMap;
}

/** What one expansion of the pool adds. */
interface Taken {
  readonly start: Pfn;
  readonly order: number;
}

export class AtomicPool {
  readonly #pagesPerBlock: number;
  /** The oldest first. */
  readonly #chunks: Chunk[] = [];
  readonly #byStart = new Map<number, Chunk>();
  /** Pages of the pool, used or not. */
  #pages = 0;
  readonly #initialPages: number;
  readonly #leastOrder: number;
  /** Ranges that have a pool, and those that wait for the worker: schedule_work(&atomic_pool_work). */
  readonly #made = new Set<number>();
  readonly #scheduled = new Set<number>();

  constructor(view: StateView) {
    this.#pagesPerBlock = view.geometry.pagesPerBlock;
    this.#initialPages = initialPages(view);
    this.#leastOrder = orderFor(view.platform.granulePages);
  }

  /** Free pages in chunks that lie in a range. */
  freePagesIn(range: BlockRange): number {
    return this.#chunksIn(range).reduce((sum, { map }) => sum + map.free, 0);
  }

  hasWork(range: BlockRange): boolean {
    const key = keyOf(range);
    return !this.#made.has(key) || this.#scheduled.has(key);
  }

  /** Makes a range's pool the first time, as at boot; then atomic_pool_work_fn(): when little is free, doubles it. */
  work(record: Recorder): void {
    const { reach } = record;
    const key = keyOf(reach);
    const before = this.freePagesIn(reach);
    this.#scheduled.delete(key);
    if (!this.#made.has(key)) {
      this.#made.add(key);
      this.#expand([this.#claim(this.#initialPages, this.#leastOrder, record)], record);
    } else if (before < this.#initialPages) {
      const pages = this.#chunksIn(reach).reduce((sum, chunk) => sum + chunk.pages, 0);
      this.#expand([this.#claim(pages, this.#leastOrder, record)], record);
    }
    const added = this.freePagesIn(reach) - before;
    if (added > 0) record.refilled(added);
  }

  /** A caller that may not sleep was served: if less is free than the pool began with, the worker adds some. */
  usedAtomically(range: BlockRange): void {
    if (this.freePagesIn(range) < this.#initialPages) this.#scheduled.add(keyOf(range));
  }

  holds(page: Pfn): boolean {
    return this.#chunkOf(page) !== undefined;
  }

  /** Takes free pages at a multiple of `align`, a power of two; -1 if no chunk in the range has such a place. */
  take(pages: number, align: number, range: BlockRange): Pfn | -1 {
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index];
      const first = this.#isIn(chunk, range) ? chunk.map.take(pages, align) : -1;
      if (first !== -1) return toPfn(chunk.start + first);
    }
    return -1;
  }

  /** Takes pages back; returns false for pages that are not the pool's. */
  put(start: Pfn, pages: number): boolean {
    const chunk = this.#chunkOf(start);
    chunk?.map.give(start - chunk.start, pages);
    return chunk !== undefined;
  }

  /** A chunk is naturally aligned, so it begins where one of some order around the page would. */
  #chunkOf(page: Pfn): Chunk | undefined {
    for (let order = this.#leastOrder; order <= MAX_PAGE_ORDER; order++) {
      const chunk = this.#byStart.get(page - (page % (1 << order)));
      if (chunk !== undefined && page < chunk.start + chunk.pages) return chunk;
    }
    return undefined;
  }

  #chunksIn(range: BlockRange): Chunk[] {
    return this.#chunks.filter((chunk) => this.#isIn(chunk, range));
  }

  /**
   * Grows at once, for a caller that may sleep, in chunks that double the pool and are of `order` at least, until `missing` more
   * pages are free. If memory is short it does not grow. Returns why it did not grow by all of that.
   */
  grow(missing: number, order: number, record: Recorder): FailureReason | undefined {
    const taken: Taken[] = [];
    for (let added = 0; added < missing; ) {
      const chunk = this.#claim(this.#pages + added, Math.max(order, this.#leastOrder), record);
      if (chunk === undefined) {
        for (const { start, order: size } of taken) record.giveBack(start, 1 << size);
        return 'out-of-memory';
      }
      taken.push(chunk);
      added += 1 << chunk.order;
    }
    return this.#expand(taken, record) ? undefined : 'conversion-failed';
  }

  /** A private chunk of so many pages or, where there is none, of the next smaller order, down to `least`. */
  #claim(pages: number, least: number, record: Recorder): Taken | undefined {
    for (let order = Math.min(MAX_PAGE_ORDER, Math.max(orderFor(pages), least)); order >= least; order--) {
      const start = record.claim(order);
      if (start !== -1) return { start, order };
    }
    return undefined;
  }

  /** atomic_pool_expand(): converts chunks and adds them. Returns whether all of them are in the pool now. */
  #expand(taken: readonly (Taken | undefined)[], record: Recorder): boolean {
    let areAll = true;
    for (const chunk of taken) {
      if (chunk === undefined) return false;
      const pages = 1 << chunk.order;
      const result = record.decrypt(chunk.start, pages);
      if (result === 'converted') {
        const added = { start: chunk.start, pages, map: new UnitMap(pages) };
        this.#chunks.push(added);
        this.#byStart.set(added.start, added);
        this.#pages += pages;
      } else areAll = false;
      if (result === 'private') record.giveBack(chunk.start, pages);
    }
    return areAll;
  }

  #isIn({ start, pages }: Chunk, { firstBlock, endBlock }: BlockRange): boolean {
    return start >= firstBlock * this.#pagesPerBlock && start + pages <= endBlock * this.#pagesPerBlock;
  }
}

/** A number, because every request makes one: a guest has fewer than 2^26 blocks. */
const keyOf = ({ firstBlock, endBlock }: BlockRange): number => firstBlock * 2 ** 26 + endBlock;
