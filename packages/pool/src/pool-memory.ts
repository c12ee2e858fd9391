/**
 * The memory of a pool: claimed in chunks, shared and made private by its conversion. Free pages are in its map, or put aside in
 * its reserve. Pages whose conversion failed for good are forgotten.
 */
import { type BlockIndex, orderFor, type Pfn, type StateView, pfn as toPfn } from '@decpool/model';
import { type Conversion, type PageRange, shareRange } from './conversion/conversion.ts';
import type { FreeMap } from './placement/free-map.ts';
import type { Placement } from './placement/placement.ts';
import type { BlockRange, Recorder } from './policy.ts';
import type { Reserve } from './reserve.ts';

export class PoolMemory {
  readonly #view: StateView;
  readonly #map: FreeMap;
  readonly #placement: Placement;
  readonly #conversion: Conversion;
  readonly #reserve: Reserve | undefined;
  /** Pages that are converted together. */
  readonly #unitPages: number;
  #hasFailed = false;

  constructor(
    view: StateView,
    map: FreeMap,
    placement: Placement,
    conversion: Conversion,
    reserve: Reserve | undefined,
  ) {
    this.#view = view;
    this.#map = map;
    this.#placement = placement;
    this.#conversion = conversion;
    this.#reserve = reserve;
    this.#unitPages = conversion.unitPages(view.platform);
  }

  /** Whether a free page may be private though the conversion keeps them shared: after a conversion failed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Claims a chunk of the largest order there is, from `order` down to `lowest`, and has the conversion convert it. */
  claim(order: number, lowest: number, record: Recorder): PageRange | 'out-of-memory' | 'conversion-failed' {
    const unitOrder = orderFor(this.#unitPages);
    for (let tried = order; tried >= Math.max(lowest, unitOrder); tried--) {
      const start = record.claim(tried);
      if (start === -1) continue;
      const pages = 1 << tried;
      const result = this.#conversion.claimed(start, pages, record);
      if (result !== 'converted') {
        this.#hasFailed = true;
        if (result === 'private') record.giveBack(start, pages);
        return 'conversion-failed';
      }
      this.#map.forEachBlock(start, pages, (from, count) => {
        this.#map.put(from, count);
        this.#placement.claimed?.(from, count);
      });
      return { start, pages };
    }
    return 'out-of-memory';
  }

  /** Makes sure that a free run is shared. If that fails, leaked pages are forgotten. */
  share(start: Pfn, pages: number, record: Recorder): boolean {
    if (this.#conversion.keepsShared && !this.#hasFailed) return true;
    const failure = shareRange(start, pages, this.#unitPages, this.#view, record);
    if (failure === undefined) return true;
    this.#hasFailed = true;
    if (failure.leaked !== undefined) this.forget(failure.leaked);
    return false;
  }

  /** Shares the private rest of a block if it is used enough. */
  shareRest(block: BlockIndex, record: Recorder): void {
    if (this.#conversion.sharesRest === undefined || !record.mayConvert) return;
    const used = this.#view.pagesOf('allocated', block);
    if (!this.#conversion.sharesRest(used, this.#view.geometry.pagesPerBlock)) return;
    if (this.#view.pagesOf('shared', block) === this.#view.pagesOf('claimed', block)) return;
    const free: PageRange[] = [];
    this.#map.forEachRun(block, (start, pages) => free.push({ start, pages }));
    for (const { start, pages } of free) this.share(start, pages, record);
  }

  /** Leaked pages are never handed out again. */
  forget({ start, pages }: PageRange): void {
    this.#hasFailed = true;
    this.#map.forEachBlock(start, pages, (from, count) => this.#map.take(from, count));
  }

  /** Makes freed pages private as far as the conversion does; units with pages of the reserve stay shared. */
  unshare(start: Pfn, pages: number, record: Recorder): void {
    if (this.#unitPages === 1 || this.#reserve === undefined) this.#unshare(start, pages, record);
    else this.#unshareAround(this.#reserve, start, pages, record);
  }

  /** Units with pages of the reserve stay shared, and the reserve gets their pages. The others are unshared. */
  #unshareAround(reserve: Reserve, start: Pfn, pages: number, record: Recorder): void {
    const unit = this.#unitPages;
    const end = start + pages;
    for (let at: number = start; at < end; ) {
      const isHeld = reserve.holdsIn(toPfn(at - (at % unit)));
      let next = at;
      while (next < end && reserve.holdsIn(toPfn(next - (next % unit))) === isHeld) {
        next += unit - (next % unit);
      }
      next = Math.min(next, end);
      if (!isHeld) this.#unshare(toPfn(at), next - at, record);
      else this.putAside(toPfn(at), next - at);
      at = next;
    }
  }

  #unshare(start: Pfn, pages: number, record: Recorder): void {
    for (const leaked of this.#conversion.freed(start, pages, this.#view, record)) this.forget(leaked);
  }

  /** Free shared pages become the reserve's, as gen_pool_free() gives them back to an atomic DMA pool (kernel/dma/pool.c). */
  putAside(start: Pfn, pages: number): void {
    this.#map.forEachBlock(start, pages, (from, count) => {
      this.#map.take(from, count);
      this.#reserve?.put(from, count);
    });
  }

  /** Shared, unused pages in a range. */
  sharedFreePages({ firstBlock, endBlock }: BlockRange): number {
    return (this.#reserve ?? this.#map).freePagesIn(firstBlock, endBlock);
  }
}
