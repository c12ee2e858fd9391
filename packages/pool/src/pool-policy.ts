/**
 * The pool family: a policy made of a placement (where), a conversion (how much at once) and a supply (when memory
 * comes and goes). The pool claims whole blocks from the page allocator, so that what is shared lies together.
 */
import {
  type AllocateRequest,
  type BlockIndex,
  type FailureReason,
  type FreeRequest,
  MAX_PAGE_ORDER,
  orderFor,
  type Pfn,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import { type Conversion, isShared, type PageRange, shareRange } from './conversion/conversion.ts';
import { FreeMap } from './placement/free-map.ts';
import type { Placement, PlacementFactory } from './placement/placement.ts';
import type { BlockRange, Policy, PolicyFactory, Recorder } from './policy.ts';
import { Reserve } from './reserve.ts';
import { type SlabCache, slabCacheFor } from './slab/slab-cache.ts';
import { AT_ONCE, KEEP, type Supply, type SupplyFactory } from './supply/supply.ts';

/** The policy made of three strategies: `export default poolPolicy(mine, blockConversion, immediate)` is a policy of one's own. */
export function poolPolicy(
  placement: PlacementFactory,
  conversion: Conversion,
  supply: SupplyFactory,
): PolicyFactory {
  return (view) => new PoolPolicy(view, placement, conversion, supply());
}

/** How often a request whose conversion failed is tried on other pages. */
const SECOND_TRIES = 1;

class PoolPolicy implements Policy {
  readonly name: string;
  readonly #view: StateView;
  /** Pages that the pool has claimed and nobody uses, but for those of the reserve. */
  readonly #map: FreeMap;
  readonly #placement: Placement;
  readonly #conversion: Conversion;
  readonly #supply: Supply;
  /** The supply's low watermark; outside a confidential VM nobody needs a reserve. */
  readonly #lowPages: number;
  /** What is kept shared for callers that may not sleep, where free pages are not shared anyway. */
  readonly #reserve: Reserve | undefined;
  readonly #pagesPerBlock: number;
  /** Order of a whole block; what is claimed unless a request needs more. */
  readonly #blockOrder: number;
  /** Pages that conversions convert together. */
  readonly #unitPages: number;
  /** Pages in allocations. */
  #usedPages = 0;
  /** Blocks that ran empty when nothing could be converted. */
  readonly #emptied = new Set<number>();
  /** Empty blocks that are kept until a simulated time in ns, the first to go first, and when each ran empty. */
  readonly #kept = new Map<number, { readonly since: number; readonly until: number }>();
  /** Whether a free page may be private though the conversion keeps them shared: after a conversion failed. */
  #hasFailed = false;

  constructor(view: StateView, placement: PlacementFactory, conversion: Conversion, supply: Supply) {
    this.#view = view;
    this.#map = new FreeMap(view.geometry);
    this.#placement = placement(this.#map);
    this.#conversion = conversion;
    this.#supply = supply;
    this.#lowPages = view.platform.confidential ? supply.lowPages : 0;
    this.#reserve =
      conversion.keepsShared || this.#lowPages === 0
        ? undefined
        : new Reserve(view.geometry, conversion.unitPages(view.platform));
    this.#unitPages = conversion.unitPages(view.platform);
    this.#pagesPerBlock = view.geometry.pagesPerBlock;
    this.#blockOrder = orderFor(this.#pagesPerBlock);
    this.name = `${this.#placement.name}+${conversion.name}+${supply.name}`;
  }

  freesWithoutSleeping(): boolean {
    return this.#conversion.keepsShared;
  }

  cacheFor(request: AllocateRequest): SlabCache | undefined {
    return slabCacheFor(request, this.#view.platform);
  }

  allocate(request: AllocateRequest, view: StateView, record: Recorder): void {
    if (request.api === 'vmalloc') this.#allocateScattered(request, view, record);
    else this.#allocateContiguous(request, view, record);
  }

  #allocateContiguous(request: AllocateRequest, view: StateView, record: Recorder): void {
    const { pages } = request;
    const order = orderFor(pages);
    if (order > MAX_PAGE_ORDER) {
      record.fail('too-large');
      return;
    }
    if (!record.mayConvert) {
      const start = this.#placeShared(pages, 1 << order, request, view, record.reach);
      if (start === -1) record.fail('would-sleep');
      else this.#give(start, pages, request, view, record);
      return;
    }
    for (let tries = 0; tries <= SECOND_TRIES; tries++) {
      const start = this.#find(pages, order, request, record);
      if (start === 'conversion-failed') continue;
      if (start === 'out-of-memory') {
        record.fail('out-of-memory');
        return;
      }
      if (this.#share(start, pages, view, record)) {
        this.#give(start, pages, request, view, record);
        return;
      }
    }
    record.fail('conversion-failed');
  }

  #find(
    pages: number,
    order: number,
    asker: AllocateRequest | undefined,
    record: Recorder,
  ): Pfn | 'out-of-memory' | 'conversion-failed' {
    const align = 1 << order;
    const found = this.#place(pages, align, asker, record.reach);
    if (found !== -1) return found;
    const claimed = this.#claim(Math.max(order, this.#blockOrder), order, record);
    if (claimed === 'conversion-failed') return claimed;
    const placed = claimed === 'out-of-memory' ? -1 : this.#place(pages, align, asker, record.reach);
    if (placed !== -1) return placed;
    const left = this.#placeInWhatIsLeft(pages, align, record.reach);
    return left === -1 ? 'out-of-memory' : left;
  }

  #place(pages: number, align: number, asker: AllocateRequest | undefined, range: BlockRange): Pfn | -1 {
    return pages <= this.#pagesPerBlock
      ? this.#placement.place(pages, align, range, asker)
      : this.#placeOverBlocks(pages, align, range);
  }

  /** Rather than refuse a request: the lowest place that fits, where the placement leaves free pages unused. */
  #placeInWhatIsLeft(pages: number, align: number, { firstBlock, endBlock }: BlockRange): Pfn | -1 {
    if (this.#placement.usablePages === undefined || pages > this.#pagesPerBlock) return -1;
    for (let block = firstBlock; block < Math.min(endBlock, this.#map.blocks); block++) {
      const found = this.#map.largest[block] < pages ? -1 : this.#map.findInBlock(block, pages, align);
      if (found !== -1) return found;
    }
    return -1;
  }

  /** Free runs never cross a block, so a larger request takes the lowest wholly free blocks that lie together. */
  #placeOverBlocks(pages: number, align: number, { firstBlock, endBlock }: BlockRange): Pfn | -1 {
    const needed = Math.ceil(pages / this.#pagesPerBlock);
    const step = align / this.#pagesPerBlock;
    for (let first = Math.ceil(firstBlock / step) * step; first + needed <= endBlock; first += step) {
      let free = 0;
      while (free < needed && this.#map.largest[first + free] === this.#pagesPerBlock) free++;
      if (free === needed) return toPfn(first * this.#pagesPerBlock);
    }
    return -1;
  }

  /** A run that is shared already, for a caller that may not sleep; taken out of the reserve if it comes from there. */
  #placeShared(
    pages: number,
    align: number,
    asker: AllocateRequest,
    view: StateView,
    range: BlockRange,
  ): Pfn | -1 {
    if (this.#reserve !== undefined) {
      const start = pages <= this.#pagesPerBlock ? this.#reserve.take(pages, align, range) : -1;
      if (start !== -1) this.#map.put(start, pages);
      return start;
    }
    const placed = this.#place(pages, align, asker, range);
    const start = placed === -1 ? this.#placeInWhatIsLeft(pages, align, range) : placed;
    return start !== -1 && isShared(start, pages, view) ? start : -1;
  }

  /**
   * Pages that need not be contiguous. First the pool is grown until it holds enough, and only then is anything
   * given out: so holes are filled before a new block is touched, and a request that cannot be served takes nothing.
   */
  #allocateScattered(request: AllocateRequest, view: StateView, record: Recorder): void {
    const { pages } = request;
    if (record.mayConvert ? !this.#growTo(request, view, record) : !this.#hasShared(pages, record)) return;
    let failures = 0;
    let wanted = Math.min(pages, this.#pagesPerBlock);
    for (let remaining = pages; remaining > 0; ) {
      wanted = Math.min(wanted, remaining);
      const start = record.mayConvert
        ? this.#placePiece(wanted, request, record.reach)
        : this.#placeShared(wanted, 1, request, view, record.reach);
      if (start !== -1 && (!record.mayConvert || this.#share(start, wanted, view, record))) {
        this.#give(start, wanted, request, view, record);
        remaining -= wanted;
      } else if (start !== -1 && failures++ >= SECOND_TRIES) {
        this.#undo(request, 'conversion-failed', view, record);
        return;
      } else if (start === -1 && wanted === 1) {
        // What has leaked meanwhile is missing now; or there never was enough that is shared.
        this.#undo(request, record.mayConvert ? 'conversion-failed' : 'would-sleep', view, record);
        return;
      } else if (start === -1) {
        // The next smaller power of two, as vmalloc goes down the orders (mm/vmalloc.c, vm_area_alloc_pages).
        wanted = 1 << (31 - Math.clz32(wanted - 1));
      }
    }
  }

  #placePiece(pages: number, asker: AllocateRequest, range: BlockRange): Pfn | -1 {
    const start = this.#placement.place(pages, 1, range, asker);
    return start === -1 && pages === 1 ? this.#placeInWhatIsLeft(1, 1, range) : start;
  }

  /** Claims until the pool holds as many free pages as are asked for, where the request may lie; or refuses the request. */
  #growTo(request: AllocateRequest, view: StateView, record: Recorder): boolean {
    const { pages } = request;
    const { firstBlock, endBlock } = record.reach;
    const allFree = () => this.#map.freePagesIn(firstBlock, endBlock);
    const grownBy: PageRange[] = [];
    let failures = 0;
    for (let free = this.#placement.usablePages?.(record.reach, request) ?? allFree(); free < pages; ) {
      const chunk = this.#claim(this.#blockOrder, 0, record);
      if (chunk === 'conversion-failed' && failures++ < SECOND_TRIES) continue;
      if (chunk === 'out-of-memory' && allFree() >= pages) return true;
      if (typeof chunk === 'string') {
        for (const { start, pages: count } of grownBy) this.#return(start, count, view, record);
        record.fail(chunk);
        return false;
      }
      grownBy.push(chunk);
      free += chunk.pages;
    }
    return true;
  }

  /** Whether so many pages may be shared already, where the request may lie; or refuses it. */
  #hasShared(pages: number, record: Recorder): boolean {
    const { firstBlock, endBlock } = record.reach;
    const isEnough = (this.#reserve ?? this.#map).freePagesIn(firstBlock, endBlock) >= pages;
    if (!isEnough) record.fail('would-sleep');
    return isEnough;
  }

  /** Takes back what the request has got so far, and refuses it. */
  #undo(request: AllocateRequest, reason: FailureReason, view: StateView, record: Recorder): void {
    this.#freeExtents(request.allocation, view, record);
    record.fail(reason);
  }

  /**
   * Claims a chunk of `order`, or of the largest order below it that there is, down to `lowest`, and has it converted
   * as the conversion wants.
   */
  #claim(order: number, lowest: number, record: Recorder): PageRange | 'out-of-memory' | 'conversion-failed' {
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

  /** Makes sure that a free run is shared. When that fails, what is lost for it is forgotten. */
  #share(start: Pfn, pages: number, view: StateView, record: Recorder): boolean {
    if (this.#conversion.keepsShared && !this.#hasFailed) return true;
    const failure = shareRange(start, pages, this.#unitPages, view, record);
    if (failure === undefined) return true;
    this.#hasFailed = true;
    if (failure.leaked !== undefined) this.#forget(failure.leaked);
    return false;
  }

  /** Leaked pages are no longer free: never handed out again. */
  #forget({ start, pages }: PageRange): void {
    this.#hasFailed = true;
    this.#map.forEachBlock(start, pages, (from, count) => this.#map.take(from, count));
  }

  #give(start: Pfn, pages: number, request: AllocateRequest, view: StateView, record: Recorder): void {
    record.allocate(start, pages);
    this.#use(pages, record);
    this.#map.forEachBlock(start, pages, (from, count, block) => {
      this.#map.extents[block]++;
      this.#map.take(from, count);
      this.#placement.given?.(from, count, request);
      if (record.mayConvert) this.#shareRest(block, view, record);
    });
  }

  #use(pages: number, record: Recorder): void {
    this.#usedPages += pages;
    this.#supply.used?.(record.time, this.#usedPages);
  }

  /** Shares what is private of a block that is used enough for that. */
  #shareRest(block: BlockIndex, view: StateView, record: Recorder): void {
    const used = view.pagesOf('allocated', block);
    if (this.#conversion.sharesRest?.(used, this.#pagesPerBlock) !== true) return;
    if (view.pagesOf('shared', block) === view.pagesOf('claimed', block)) return;
    const free: PageRange[] = [];
    this.#map.forEachRun(block, (start, pages) => free.push({ start, pages }));
    for (const { start, pages } of free) this.#share(start, pages, view, record);
  }

  free(request: FreeRequest, view: StateView, record: Recorder): void {
    this.#placement.freeing?.(request);
    this.#freeExtents(request.allocation, view, record);
  }

  #freeExtents(allocation: FreeRequest['allocation'], view: StateView, record: Recorder): void {
    for (let left = view.extentCount(allocation); left > 0; left--) {
      const start = view.extentPfn(allocation);
      const pages = view.extentPages(allocation);
      record.free(start, pages);
      this.#use(-pages, record);
      this.#map.forEachBlock(start, pages, (from, count, block) => {
        this.#map.extents[block]--;
        this.#map.put(from, count);
      });
      if (record.mayConvert) this.#unshareExtent(start, pages, view, record);
      const lastBlock = Math.floor((start + pages - 1) / this.#pagesPerBlock);
      for (let block = Math.floor(start / this.#pagesPerBlock); block <= lastBlock; block++) {
        if (this.#map.extents[block] === 0) this.#blockEmptied(block, view, record);
      }
    }
  }

  /** What a request that may not sleep had of free pages stays as shared as it was. */
  #unshareExtent(start: Pfn, pages: number, view: StateView, record: Recorder): void {
    if (this.#unitPages === 1 || this.#reserve === undefined) this.#unshare(start, pages, view, record);
    else this.#unshareAround(this.#reserve, start, pages, view, record);
  }

  /** Free pages are converted as the conversion wants. */
  #unshare(start: Pfn, pages: number, view: StateView, record: Recorder): void {
    for (const leaked of this.#conversion.freed(start, pages, view, record)) this.#forget(leaked);
  }

  /** As #unshare(), but for units that the reserve has a part of: they stay shared, so it gets back what came from it. */
  #unshareAround(reserve: Reserve, start: Pfn, pages: number, view: StateView, record: Recorder): void {
    const unit = this.#unitPages;
    const end = start + pages;
    for (let at: number = start; at < end; ) {
      const isHeld = reserve.holdsIn(toPfn(at - (at % unit)));
      let next = at;
      while (next < end && reserve.holdsIn(toPfn(next - (next % unit))) === isHeld) {
        next += unit - (next % unit);
      }
      next = Math.min(next, end);
      if (isHeld) {
        this.#map.forEachBlock(toPfn(at), next - at, (from, count) => {
          this.#map.take(from, count);
          reserve.put(from, count);
        });
      } else this.#unshare(toPfn(at), next - at, view, record);
      at = next;
    }
  }

  /** `since`: the simulated ns at which the block ran empty; now unless told. */
  #blockEmptied(block: number, view: StateView, record: Recorder, since = record.time): void {
    if (!record.mayConvert) {
      this.#emptied.add(block);
      return;
    }
    const isHeld = this.#reserve?.holds(block) === true;
    if (isHeld || view.pagesOf('leaked', block as BlockIndex) > 0) return;
    const until = this.#returnsAt(record.time, since);
    if (until <= record.time)
      this.#return(toPfn(block * this.#pagesPerBlock), this.#pagesPerBlock, view, record);
    else if (until !== KEEP) {
      this.#kept.delete(block);
      this.#kept.set(block, { since, until });
    }
  }

  /** Beside a reserve of its own an empty block is private and none of it: keeping it holds nothing ready. */
  #returnsAt(now: number, since: number): number {
    if (this.#reserve !== undefined) return AT_ONCE;
    return this.#supply.returnsAt({
      now,
      since,
      freePages: this.#map.freePages,
      blockPages: this.#pagesPerBlock,
    });
  }

  /**
   * Makes what is shared of a part of a block that nobody uses private, and gives the pool's pages in it back: others may hold
   * some of the block too, and share them, as the bounce buffers do. When it fails nothing goes back: a block with a leaked
   * page never does.
   */
  #return(first: Pfn, pages: number, view: StateView, record: Recorder): void {
    const own = this.#freeRuns(first, pages);
    let isLeaked = false;
    for (const run of own) {
      forEachRun(view, 'shared', run.start, run.pages, (start, count) => {
        if (record.encrypt(start, count) !== 'leaked') return;
        isLeaked = true;
        this.#forget({ start, pages: count });
      });
    }
    if (isLeaked) return;
    for (const { start, pages: count } of own) {
      this.#map.forEachBlock(start, count, (from, part) => this.#map.take(from, part));
      record.giveBack(start, count);
    }
  }

  /** The free runs in a range; those of blocks that lie side by side are one. */
  #freeRuns(first: Pfn, pages: number): PageRange[] {
    const runs: { start: Pfn; pages: number }[] = [];
    const end = first + pages;
    for (let block = Math.floor(first / this.#pagesPerBlock); block * this.#pagesPerBlock < end; block++) {
      this.#map.forEachRun(block, (runStart, count) => {
        const start = toPfn(Math.max(runStart, first));
        const length = Math.min(runStart + count, end) - start;
        const last = runs.at(-1);
        if (length <= 0) return;
        if (last !== undefined && last.start + last.pages === start) last.pages += length;
        else runs.push({ start, pages: length });
      });
    }
    return runs;
  }

  /** Shared, unused pages in a range. */
  #sharedFreePages({ firstBlock, endBlock }: BlockRange): number {
    return (this.#reserve ?? this.#map).freePagesIn(firstBlock, endBlock);
  }

  hasWork(range: BlockRange): boolean {
    return this.#emptied.size > 0 || this.#sharedFreePages(range) < this.#lowPages;
  }

  workDueAt(): number {
    if (this.#kept.size === 0) return KEEP;
    for (const { until } of this.#kept.values()) return until;
    return KEEP;
  }

  work(view: StateView, record: Recorder): void {
    for (const block of this.#emptied) {
      if (!this.#isUsed(block)) this.#blockEmptied(block, view, record);
    }
    this.#emptied.clear();
    for (const [block, { since, until }] of this.#kept) {
      if (until > record.time) break;
      this.#kept.delete(block);
      if (!this.#isUsed(block)) this.#blockEmptied(block, view, record, since);
    }
    if (this.#sharedFreePages(record.reach) < this.#lowPages) this.#refill(view, record);
  }

  /** Whether a block is in use, or no longer the pool's. */
  #isUsed(block: number): boolean {
    return this.#map.extents[block] > 0 || this.#map.largest[block] === 0;
  }

  #refill(view: StateView, record: Recorder): void {
    const before = this.#sharedFreePages(record.reach);
    for (let missing = this.#supply.highPages - before; missing > 0; ) {
      const isMore =
        this.#reserve === undefined
          ? typeof this.#claim(this.#blockOrder, 0, record) !== 'string'
          : this.#addToReserve(this.#reserve, missing, view, record);
      if (!isMore) break;
      missing = this.#supply.highPages - this.#sharedFreePages(record.reach);
    }
    const added = this.#sharedFreePages(record.reach) - before;
    if (added > 0) record.refilled(added);
  }

  /**
   * Shares a chunk of the pool, claimed for that if need be, and puts it aside: no larger than what is missing, unless the
   * host's granule is, and the largest there is. Returns whether that worked.
   */
  #addToReserve(reserve: Reserve, missing: number, view: StateView, record: Recorder): boolean {
    const least = orderFor(this.#unitPages);
    const most = Math.min(this.#blockOrder, 31 - Math.clz32(missing));
    for (let order = Math.max(most, least); order >= least; order--) {
      const start = this.#find(1 << order, order, undefined, record);
      if (start === 'out-of-memory') continue;
      if (start === 'conversion-failed' || !this.#share(start, 1 << order, view, record)) return false;
      this.#map.take(start, 1 << order);
      reserve.put(start, 1 << order);
      return true;
    }
    return false;
  }
}

/** Calls `each` for every maximal run of [first, first + pages) for which `fact` holds; `each` may end the run. */
function forEachRun(
  view: StateView,
  fact: 'shared' | 'claimed',
  first: Pfn,
  pages: number,
  each: (start: Pfn, pages: number) => void,
): void {
  const end = first + pages;
  let at: number = first;
  while (at < end) {
    const start = view.firstWhereNot(fact, false, toPfn(at), end - at);
    if (start === -1) return;
    const next = view.firstWhereNot(fact, true, toPfn(start), end - start);
    const runEnd = next === -1 ? end : next;
    each(toPfn(start), runEnd - start);
    at = runEnd;
  }
}
