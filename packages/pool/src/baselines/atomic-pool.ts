/**
 * The atomic DMA pools as `genpool` has them (dma-pool/gen-pool.ts): one for each zone, made at boot, and one for a node that a caller
 * asks for who may not sleep, after its first refusal. The worker doubles a pool if little is free. A request tries its own pool, then
 * the others, the last made first: that is the order of dma_guess_pool(), kernel/dma/pool.c. Pages out of its reach are left out.
 */
import { type FailureReason, MAX_PAGE_ORDER, orderFor, type Pfn, type StateView } from '@decpool/model';
import { initialPages } from '../dma-pool/atomic-pools.ts';
import { GenPool } from '../dma-pool/gen-pool.ts';
import type { BlockRange, Recorder } from '../policy.ts';

/** What one expansion of a pool adds. */
interface Taken {
  readonly start: Pfn;
  readonly order: number;
}

/** The pool of a range: the zone or the node that its chunks are claimed for. */
interface RangePool {
  readonly chunks: GenPool;
  /** Whether the worker has made it; else only callers that may sleep have grown it. */
  isMade: boolean;
  /** schedule_work(&atomic_pool_work). */
  isScheduled: boolean;
}

export class AtomicPool {
  /** By range, in the order in which they were made. */
  readonly #pools = new Map<number, RangePool>();
  readonly #pagesPerBlock: number;
  readonly #initialPages: number;
  readonly #leastOrder: number;

  constructor(view: StateView) {
    this.#pagesPerBlock = view.geometry.pagesPerBlock;
    this.#initialPages = initialPages(view);
    this.#leastOrder = orderFor(view.platform.granulePages);
  }

  /** Free pages in chunks that lie in a range, of any pool. */
  freePagesIn(range: BlockRange): number {
    let free = 0;
    for (const { chunks } of this.#pools.values()) free += chunks.freePagesIn(range);
    return free;
  }

  hasWork(range: BlockRange): boolean {
    const pool = this.#pools.get(keyOf(range));
    return pool === undefined || !pool.isMade || pool.isScheduled;
  }

  /** Makes a range's pool the first time, as at boot; then atomic_pool_work_fn(): when little is free, doubles it. */
  work(record: Recorder): void {
    const pool = this.#poolOf(record.reach);
    const before = pool.chunks.freePagesIn();
    pool.isScheduled = false;
    if (!pool.isMade) {
      pool.isMade = true;
      this.#expand(pool, [this.#claim(this.#initialPages, this.#leastOrder, record)], record);
    } else if (before < this.#initialPages) {
      this.#expand(pool, [this.#claim(pool.chunks.pagesIn(), this.#leastOrder, record)], record);
    }
    const added = pool.chunks.freePagesIn() - before;
    if (added > 0) record.refilled(added);
  }

  /** A caller that may not sleep was given a page: if its pool has less free than it began with, the worker adds some. */
  usedAtomically(page: Pfn): void {
    for (const pool of this.#pools.values()) {
      if (!pool.chunks.holds(page)) continue;
      if (pool.chunks.freePagesIn() < this.#initialPages) pool.isScheduled = true;
      return;
    }
  }

  /** Takes free pages at a multiple of `align`, a power of two; -1 if no chunk in the range has such a place. */
  take(pages: number, align: number, range: BlockRange): Pfn | -1 {
    const own = this.#pools.get(keyOf(range));
    const start = own?.chunks.take(pages, align, range) ?? -1;
    if (start !== -1) return start;
    const others = [...this.#pools.values()].filter((pool) => pool !== own).reverse();
    for (const { chunks } of others) {
      const found = chunks.take(pages, align, range);
      if (found !== -1) return found;
    }
    return -1;
  }

  put(start: Pfn, pages: number): void {
    for (const { chunks } of this.#pools.values()) if (chunks.put(start, pages)) return;
  }

  /**
   * Grows the pool of a range at once, for a caller that may sleep, in chunks that double it and are of `order` at least, until
   * `missing` more pages are free. If memory is short it does not grow. Returns why it did not grow by all of that.
   */
  grow(missing: number, order: number, record: Recorder): FailureReason | undefined {
    const pool = this.#poolOf(record.reach);
    const taken: Taken[] = [];
    for (let added = 0; added < missing; ) {
      const size = Math.max(this.#initialPages, pool.chunks.pagesIn() + added);
      const chunk = this.#claim(size, Math.max(order, this.#leastOrder), record);
      if (chunk === undefined) {
        for (const { start, order: size } of taken) record.giveBack(start, 1 << size);
        return 'out-of-memory';
      }
      taken.push(chunk);
      added += 1 << chunk.order;
    }
    return this.#expand(pool, taken, record) ? undefined : 'conversion-failed';
  }

  #poolOf(range: BlockRange): RangePool {
    const key = keyOf(range);
    const pool = this.#pools.get(key) ?? {
      chunks: new GenPool(this.#pagesPerBlock),
      isMade: false,
      isScheduled: false,
    };
    this.#pools.set(key, pool);
    return pool;
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
  #expand(pool: RangePool, taken: readonly (Taken | undefined)[], record: Recorder): boolean {
    let areAll = true;
    for (const chunk of taken) {
      if (chunk === undefined) return false;
      const pages = 1 << chunk.order;
      if (record.decrypt(chunk.start, pages) === 'converted') pool.chunks.add(chunk.start, pages);
      else areAll = false;
    }
    return areAll;
  }
}

/** A number, because every request makes one: a guest has fewer than 2^26 blocks. */
const keyOf = ({ firstBlock, endBlock }: BlockRange): number => firstBlock * 2 ** 26 + endBlock;
