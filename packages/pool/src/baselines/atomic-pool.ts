/**
 * The atomic DMA pool as `genpool` has it: one for all requests (dma-pool/gen-pool.ts). It is made at boot, and the worker doubles it if
 * little is free. The range of a zone or node gets its own pool after the first refusal of a request that is bound to it.
 */
import { type FailureReason, MAX_PAGE_ORDER, orderFor, type Pfn, type StateView } from '@decpool/model';
import { initialPages } from '../dma-pool/atomic-pools.ts';
import { GenPool } from '../dma-pool/gen-pool.ts';
import type { BlockRange, Recorder } from '../policy.ts';

/** What one expansion of the pool adds. */
interface Taken {
  readonly start: Pfn;
  readonly order: number;
}

export class AtomicPool {
  readonly #pool: GenPool;
  readonly #initialPages: number;
  readonly #leastOrder: number;
  /** Ranges that have a pool, and those that wait for the worker: schedule_work(&atomic_pool_work). */
  readonly #made = new Set<number>();
  readonly #scheduled = new Set<number>();

  constructor(view: StateView) {
    this.#pool = new GenPool(view.geometry.pagesPerBlock);
    this.#initialPages = initialPages(view);
    this.#leastOrder = orderFor(view.platform.granulePages);
  }

  /** Free pages in chunks that lie in a range. */
  freePagesIn(range: BlockRange): number {
    return this.#pool.freePagesIn(range);
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
      this.#expand([this.#claim(this.#pool.pagesIn(reach), this.#leastOrder, record)], record);
    }
    const added = this.freePagesIn(reach) - before;
    if (added > 0) record.refilled(added);
  }

  /** A caller that may not sleep was served: if less is free than the pool began with, the worker adds some. */
  usedAtomically(range: BlockRange): void {
    if (this.freePagesIn(range) < this.#initialPages) this.#scheduled.add(keyOf(range));
  }

  /** Takes free pages at a multiple of `align`, a power of two; -1 if no chunk in the range has such a place. */
  take(pages: number, align: number, range: BlockRange): Pfn | -1 {
    return this.#pool.take(pages, align, range);
  }

  put(start: Pfn, pages: number): void {
    this.#pool.put(start, pages);
  }

  /**
   * Grows at once, for a caller that may sleep, in chunks that double the pool and are of `order` at least, until `missing` more
   * pages are free. If memory is short it does not grow. Returns why it did not grow by all of that.
   */
  grow(missing: number, order: number, record: Recorder): FailureReason | undefined {
    const taken: Taken[] = [];
    for (let added = 0; added < missing; ) {
      const chunk = this.#claim(this.#pool.pagesIn() + added, Math.max(order, this.#leastOrder), record);
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
      if (record.decrypt(chunk.start, pages) === 'converted') this.#pool.add(chunk.start, pages);
      else areAll = false;
    }
    return areAll;
  }
}

/** A number, because every request makes one: a guest has fewer than 2^26 blocks. */
const keyOf = ({ firstBlock, endBlock }: BlockRange): number => firstBlock * 2 ** 26 + endBlock;
