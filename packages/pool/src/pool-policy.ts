/**
 * The pool family: a policy made of a placement (where), a conversion (how much at once) and a supply (when memory
 * comes and goes). The pool claims whole blocks from the page allocator, so that what is shared lies together.
 */
import {
  type AllocateRequest,
  type AllocationId,
  blockIndex,
  type FailureReason,
  type FreeRequest,
  MAX_PAGE_ORDER,
  orderFor,
  type Pfn,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import { type Conversion, isShared, type PageRange } from './conversion/conversion.ts';
import { EmptyBlocks } from './empty-blocks.ts';
import { PlaceFinder } from './place-finder.ts';
import { FreeMap } from './placement/free-map.ts';
import type { Placement, PlacementFactory } from './placement/placement.ts';
import type { BlockRange, Policy, Recorder } from './policy.ts';
import { PoolMemory } from './pool-memory.ts';
import { Reserve } from './reserve.ts';
import { type SlabCache, slabCacheFor } from './slab/slab-cache.ts';
import type { Supply } from './supply/supply.ts';

/** How often a request whose conversion failed is tried on other pages. */
const SECOND_TRIES = 1;

export class PoolPolicy implements Policy {
  readonly name: string;
  /** A pool with a reserve, or with slots and shared blocks, needs no atomic DMA pools. */
  readonly replacesAtomicPools: boolean;
  readonly triesSwiotlbFirst: boolean;
  readonly #view: StateView;
  /** Claimed, unused pages, without those of the reserve. */
  readonly #map: FreeMap;
  readonly #placement: Placement;
  readonly #places: PlaceFinder;
  readonly #conversion: Conversion;
  readonly #supply: Supply;
  readonly #memory: PoolMemory;
  /** Left out, if the supply has no shrinker. */
  readonly shrink?: (view: StateView, record: Recorder) => void;
  /** The supply's watermarks. */
  readonly #lowPages: number;
  readonly #highPages: number;
  /** Pages kept shared for callers that may not sleep, if the conversion does not keep free pages shared. */
  readonly #reserve: Reserve | undefined;
  readonly #pagesPerBlock: number;
  /** Order of what is claimed if no request needs more: a whole block at least. */
  readonly #claimOrder: number;
  /** Pages that conversions convert together. */
  readonly #unitPages: number;
  /** Whether the worker adds a block after a caller that may not sleep was refused. */
  readonly #growsAhead: boolean;
  /** Where one was, since the worker ran. */
  #missedIn: BlockRange | undefined;
  #usedPages = 0;
  readonly #emptyBlocks: EmptyBlocks;

  constructor(view: StateView, placement: PlacementFactory, conversion: Conversion, supply: Supply) {
    this.#view = view;
    this.#map = new FreeMap(view.geometry);
    this.#placement = placement(this.#map);
    this.#places = new PlaceFinder(this.#map, this.#placement);
    this.#conversion = conversion;
    this.#supply = supply;
    this.#lowPages = supply.reservePages?.low ?? 0;
    this.#highPages = supply.reservePages?.high ?? 0;
    this.triesSwiotlbFirst = supply.triesSwiotlbFirst === true;
    this.#growsAhead = this.triesSwiotlbFirst && conversion.keepsShared;
    this.replacesAtomicPools = this.#lowPages > 0 || this.#growsAhead;
    this.#unitPages = conversion.unitPages(view.platform);
    const isReserved = !conversion.keepsShared && this.#lowPages > 0;
    this.#reserve = isReserved ? new Reserve(view.geometry, this.#unitPages) : undefined;
    this.#memory = new PoolMemory(view, this.#map, this.#placement, conversion, this.#reserve);
    this.#emptyBlocks = new EmptyBlocks({
      view,
      map: this.#map,
      supply,
      reserve: this.#reserve,
      keptPages: this.#reserve === undefined ? this.#highPages : 0,
      forget: (leaked) => this.#memory.forget(leaked),
    });
    if (supply.shrinks === true) this.shrink = (_, record) => this.#emptyBlocks.shrink(record);
    this.#pagesPerBlock = view.geometry.pagesPerBlock;
    this.#claimOrder = orderFor(Math.max(this.#pagesPerBlock, conversion.claimPages ?? 0));
    this.name = `${this.#placement.name}+${conversion.name}+${supply.name}`;
  }

  freesWithoutSleeping(allocation: AllocationId): boolean {
    if (this.#conversion.keepsShared) return true;
    // The reserve takes its pages as they are.
    if (this.#missingInReserve === 0) return false;
    const { extents } = this.#view.allocation(allocation);
    return extents.reduce((sum, { pages }) => sum + pages, 0) <= this.#missingInReserve;
  }

  /** Pages that freed ones may fill the reserve up by; 0 without one. */
  get #missingInReserve(): number {
    return this.#reserve === undefined ? 0 : Math.max(0, this.#highPages - this.#reserve.freePages);
  }

  cacheFor(request: AllocateRequest): SlabCache | undefined {
    return slabCacheFor(request, this.#view.platform);
  }

  allocate(request: AllocateRequest, _view: StateView, record: Recorder): void {
    if (request.api === 'vmalloc') this.#allocateScattered(request, record);
    else this.#allocateContiguous(request, record);
  }

  #allocateContiguous(request: AllocateRequest, record: Recorder): void {
    const { pages } = request;
    const order = orderFor(pages);
    if (order > MAX_PAGE_ORDER) {
      record.fail('too-large');
      return;
    }
    if (!record.mayConvert) {
      const start = this.#placeShared(pages, 1 << order, request, record);
      if (start !== -1) this.#give(start, pages, request, record);
      else {
        if (this.#growsAhead && pages <= this.#pagesPerBlock) this.#missedIn = record.reach;
        record.fail('would-sleep');
      }
      return;
    }
    for (let tries = 0; tries <= SECOND_TRIES; tries++) {
      const start = this.#find(pages, order, request, record);
      if (start === 'conversion-failed') continue;
      if (start === 'out-of-memory') {
        record.fail('out-of-memory');
        return;
      }
      if (this.#memory.share(start, pages, record)) {
        this.#give(start, pages, request, record);
        return;
      }
    }
    record.fail('conversion-failed');
  }

  #find(
    pages: number,
    order: number,
    request: AllocateRequest | undefined,
    record: Recorder,
  ): Pfn | 'out-of-memory' | 'conversion-failed' {
    const align = 1 << order;
    const found = this.#places.find(pages, align, record.zones, request);
    if (found !== -1) return found;
    const claimed = this.#memory.claim(Math.max(order, this.#claimOrder), order, record);
    if (claimed === 'conversion-failed') return claimed;
    const placed = claimed === 'out-of-memory' ? -1 : this.#places.find(pages, align, record.zones, request);
    if (placed !== -1) return placed;
    const left = this.#places.findUnused(pages, align, record.reach);
    if (left === -1 && claimed !== 'out-of-memory') this.#places.expectUsed(pages, align, record.zones);
    return left === -1 ? 'out-of-memory' : left;
  }

  /** A run that is shared already, for a caller that may not sleep; taken out of the reserve if there is one. */
  #placeShared(pages: number, align: number, request: AllocateRequest, record: Recorder): Pfn | -1 {
    if (this.#reserve !== undefined) {
      const start = pages <= this.#pagesPerBlock ? this.#reserve.take(pages, align, record.zones) : -1;
      if (start !== -1) this.#map.put(start, pages);
      return start;
    }
    const placed = this.#places.find(pages, align, record.zones, request);
    const start = placed === -1 ? this.#places.findUnused(pages, align, record.reach) : placed;
    return start !== -1 && isShared(start, pages, this.#view) ? start : -1;
  }

  /**
   * Pages that need not be contiguous. The pool is grown until it holds enough before any page is given out: so holes are filled
   * first, and a request that cannot be served takes nothing.
   */
  #allocateScattered(request: AllocateRequest, record: Recorder): void {
    const { pages } = request;
    if (record.mayConvert ? !this.#growTo(request, record) : !this.#hasShared(pages, record)) return;
    let failures = 0;
    let wanted = Math.min(pages, this.#pagesPerBlock);
    for (let remaining = pages; remaining > 0; ) {
      wanted = Math.min(wanted, remaining);
      const start = record.mayConvert
        ? this.#placePiece(wanted, request, record)
        : this.#placeShared(wanted, 1, request, record);
      if (start !== -1 && (!record.mayConvert || this.#memory.share(start, wanted, record))) {
        this.#give(start, wanted, request, record);
        remaining -= wanted;
      } else if (start !== -1 && failures++ >= SECOND_TRIES) {
        this.#undo(request, 'conversion-failed', record);
        return;
      } else if (start === -1 && wanted === 1) {
        // Pages have leaked meanwhile, or too few pages are shared.
        if (record.mayConvert && !this.#memory.hasFailed) this.#places.expectUsed(1, 1, record.zones);
        this.#undo(request, record.mayConvert ? 'conversion-failed' : 'would-sleep', record);
        return;
      } else if (start === -1) {
        // The next smaller power of two, as vmalloc goes down the orders (mm/vmalloc.c, vm_area_alloc_pages).
        wanted = 1 << (31 - Math.clz32(wanted - 1));
      }
    }
  }

  #placePiece(pages: number, request: AllocateRequest, record: Recorder): Pfn | -1 {
    const start = this.#places.find(pages, 1, record.zones, request);
    return start === -1 && pages === 1 ? this.#places.findUnused(1, 1, record.reach) : start;
  }

  /** Claims until the pool holds enough free pages where the request may lie, or refuses it. */
  #growTo(request: AllocateRequest, record: Recorder): boolean {
    const { pages } = request;
    const { firstBlock, endBlock } = record.reach;
    const allFree = () => this.#map.freePagesIn(firstBlock, endBlock);
    const grownBy: PageRange[] = [];
    let failures = 0;
    for (let free = this.#placement.usablePages?.(record.reach, request) ?? allFree(); free < pages; ) {
      const chunk = this.#memory.claim(this.#claimOrder, 0, record);
      if (chunk === 'conversion-failed' && failures++ < SECOND_TRIES) continue;
      if (chunk === 'out-of-memory' && allFree() >= pages) return true;
      if (typeof chunk === 'string') {
        for (const { start, pages: count } of grownBy) this.#emptyBlocks.return(start, count, record);
        record.fail(chunk);
        return false;
      }
      grownBy.push(chunk);
      free += chunk.pages;
    }
    return true;
  }

  /** Whether enough free pages are shared where the request may lie; if not, refuses it. */
  #hasShared(pages: number, record: Recorder): boolean {
    const isEnough = this.#memory.sharedFreePages(record.reach) >= pages;
    if (!isEnough) record.fail('would-sleep');
    return isEnough;
  }

  /** Takes the pages of the request back, and refuses it. */
  #undo(request: AllocateRequest, reason: FailureReason, record: Recorder): void {
    this.#freeExtents(request.allocation, record);
    record.fail(reason);
  }

  #give(start: Pfn, pages: number, request: AllocateRequest, record: Recorder): void {
    record.allocate(start, pages);
    this.#use(pages, record);
    // No closure, here and below: these run with every request.
    const map = this.#map;
    const end = start + pages;
    for (let at: number = start; at < end; ) {
      const count = map.pagesInBlock(at, end);
      const block = map.blockOf(at);
      if (map.extents[block]++ === 0) this.#emptyBlocks.used(block);
      map.take(toPfn(at), count);
      this.#placement.given?.(toPfn(at), count, request);
      this.#memory.shareRest(block, record);
      at += count;
    }
  }

  #use(pages: number, record: Recorder): void {
    this.#usedPages += pages;
    this.#supply.used?.(record.time, this.#usedPages);
  }

  free(request: FreeRequest, _view: StateView, record: Recorder): void {
    this.#placement.freeing?.(request);
    this.#freeExtents(request.allocation, record);
  }

  #freeExtents(allocation: FreeRequest['allocation'], record: Recorder): void {
    const map = this.#map;
    for (let left = this.#view.extentCount(allocation); left > 0; left--) {
      const start = this.#view.extentPfn(allocation);
      const pages = this.#view.extentPages(allocation);
      record.free(start, pages);
      this.#use(-pages, record);
      const end = start + pages;
      for (let at: number = start; at < end; at += map.pagesInBlock(at, end)) {
        map.extents[map.blockOf(at)]--;
        map.put(toPfn(at), map.pagesInBlock(at, end));
      }
      if (pages <= this.#missingInReserve) this.#memory.putAside(start, pages);
      else if (record.mayConvert) this.#memory.unshare(start, pages, record);
      for (let block = map.blockOf(start); block <= map.blockOf(end - 1); block++) {
        if (map.extents[block] === 0) this.#emptyBlocks.emptied(blockIndex(block), record);
      }
    }
  }

  hasWork(range: BlockRange): boolean {
    return (
      this.#emptyBlocks.hasWork ||
      this.#hasMissedIn(range) ||
      this.#memory.sharedFreePages(range) < this.#lowPages
    );
  }

  #hasMissedIn({ firstBlock, endBlock }: BlockRange): boolean {
    return this.#missedIn?.firstBlock === firstBlock && this.#missedIn.endBlock === endBlock;
  }

  workDueAt(): number {
    return this.#emptyBlocks.dueAt;
  }

  work(_view: StateView, record: Recorder): void {
    if (this.#memory.sharedFreePages(record.reach) < this.#lowPages) this.#refill(record);
    if (this.#hasMissedIn(record.reach)) {
      this.#missedIn = undefined;
      this.#claimForReserve(record, orderFor(this.#pagesPerBlock));
    }
    this.#emptyBlocks.work(record);
  }

  #refill(record: Recorder): void {
    this.#emptyBlocks.needsReserveIn(record.reach);
    const before = this.#memory.sharedFreePages(record.reach);
    for (let missing = this.#highPages - before; missing > 0; ) {
      const isMore =
        this.#reserve === undefined
          ? this.#claimForReserve(record)
          : this.#addToReserve(this.#reserve, missing, record);
      if (!isMore) break;
      missing = this.#highPages - this.#memory.sharedFreePages(record.reach);
    }
    const added = this.#memory.sharedFreePages(record.reach) - before;
    if (added > 0) record.refilled(added);
  }

  /** `leastOrder`: of a chunk that is large enough. */
  #claimForReserve(record: Recorder, leastOrder = 0): boolean {
    const chunk = this.#memory.claim(this.#claimOrder, leastOrder, record);
    if (typeof chunk === 'string') return false;
    for (let at = 0; at + this.#pagesPerBlock <= chunk.pages; at += this.#pagesPerBlock) {
      this.#emptyBlocks.emptied(this.#map.blockOf(toPfn(chunk.start + at)), record);
    }
    return true;
  }

  /** Shares the largest chunk up to `missing` pages, or a granule of the host, and puts it aside. Returns whether that worked. */
  #addToReserve(reserve: Reserve, missing: number, record: Recorder): boolean {
    const unitOrder = orderFor(this.#unitPages);
    const maxOrder = Math.min(this.#claimOrder, 31 - Math.clz32(missing));
    for (let order = Math.max(maxOrder, unitOrder); order >= unitOrder; order--) {
      const start = this.#find(1 << order, order, undefined, record);
      if (start === 'out-of-memory') continue;
      if (start === 'conversion-failed' || !this.#memory.share(start, 1 << order, record)) return false;
      this.#map.take(start, 1 << order);
      reserve.put(start, 1 << order);
      return true;
    }
    return false;
  }
}
