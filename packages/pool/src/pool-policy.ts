/**
 * The pool family: a policy made of a placement (where), a conversion (how much at once) and a supply (when memory
 * goes back). The pool claims whole blocks from the page allocator, so that what is shared lies together.
 */
import {
  type AllocateRequest,
  type FreeRequest,
  MAX_PAGE_ORDER,
  orderFor,
  type Pfn,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import type { Conversion } from './conversion/conversion.ts';
import { FreeMap } from './placement/free-map.ts';
import type { Placement, PlacementFactory } from './placement/placement.ts';
import type { Policy, PolicyFactory, Recorder } from './policy.ts';
import type { Supply } from './supply/supply.ts';

export function poolPolicy(
  placement: PlacementFactory,
  conversion: Conversion,
  supply: Supply,
): PolicyFactory {
  return (view) => new PoolPolicy(view, placement, conversion, supply);
}

class PoolPolicy implements Policy {
  readonly name: string;
  readonly #map: FreeMap;
  readonly #placement: Placement;
  readonly #conversion: Conversion;
  readonly #supply: Supply;
  readonly #pagesPerBlock: number;
  /** Order of a whole block; what is claimed unless a request needs more. */
  readonly #blockOrder: number;

  constructor(view: StateView, placement: PlacementFactory, conversion: Conversion, supply: Supply) {
    this.#map = new FreeMap(view.geometry);
    this.#placement = placement(this.#map);
    this.#conversion = conversion;
    this.#supply = supply;
    this.#pagesPerBlock = view.geometry.pagesPerBlock;
    this.#blockOrder = orderFor(this.#pagesPerBlock);
    this.name = `${this.#placement.name}+${conversion.name}+${supply.name}`;
  }

  allocate(request: AllocateRequest, view: StateView, record: Recorder): void {
    if (request.api === 'vmalloc') this.#allocateScattered(request.pages, view, record);
    else this.#allocateContiguous(request.pages, record);
  }

  #allocateContiguous(pages: number, record: Recorder): void {
    const order = orderFor(pages);
    if (order > MAX_PAGE_ORDER) {
      record.fail('too-large');
      return;
    }
    const start = this.#find(pages, order, record);
    if (start === -1) record.fail('out-of-memory');
    else this.#give(start, pages, record);
  }

  #find(pages: number, order: number, record: Recorder): Pfn | -1 {
    const found = this.#place(pages, 2 ** order);
    if (found !== -1) return found;
    const isClaimed = this.#claim(Math.max(order, this.#blockOrder), order, record) !== -1;
    return isClaimed ? this.#place(pages, 2 ** order) : -1;
  }

  #place(pages: number, align: number): Pfn | -1 {
    return pages <= this.#pagesPerBlock
      ? this.#placement.place(pages, align)
      : this.#placeOverBlocks(pages, align);
  }

  /** Free runs never cross a block, so a larger request takes the lowest wholly free blocks that lie together. */
  #placeOverBlocks(pages: number, align: number): Pfn | -1 {
    const needed = Math.ceil(pages / this.#pagesPerBlock);
    const step = align / this.#pagesPerBlock;
    for (let first = 0; first + needed <= this.#map.blocks; first += step) {
      let free = 0;
      while (free < needed && this.#map.largest[first + free] === this.#pagesPerBlock) free++;
      if (free === needed) return toPfn(first * this.#pagesPerBlock);
    }
    return -1;
  }

  /**
   * Pages that need not be contiguous. First the pool is grown until it holds enough, and only then is anything
   * given out: so holes are filled before a new block is touched, and a request that cannot be served takes nothing.
   */
  #allocateScattered(pages: number, view: StateView, record: Recorder): void {
    const grownBy: [start: Pfn, pages: number][] = [];
    while (this.#map.freePages < pages) {
      const before = this.#map.freePages;
      const chunk = this.#claim(this.#blockOrder, 0, record);
      if (chunk === -1) {
        for (const [start, count] of grownBy) this.#return(start, count, view, record);
        record.fail('out-of-memory');
        return;
      }
      grownBy.push([chunk, this.#map.freePages - before]);
    }
    let wanted = Math.min(pages, this.#pagesPerBlock);
    for (let remaining = pages; remaining > 0; ) {
      wanted = Math.min(wanted, remaining);
      const start = this.#placement.place(wanted, 1);
      if (start !== -1) {
        this.#give(start, wanted, record);
        remaining -= wanted;
      } else {
        // The next smaller power of two, as vmalloc goes down the orders (mm/vmalloc.c, vm_area_alloc_pages).
        wanted = 2 ** (31 - Math.clz32(wanted - 1));
      }
    }
  }

  /** Claims a chunk of `order`, or of the largest order below it that there is, down to `lowest`. */
  #claim(order: number, lowest: number, record: Recorder): Pfn | -1 {
    for (let tried = order; tried >= lowest; tried--) {
      const chunk = record.claim(tried);
      if (chunk === -1) continue;
      this.#conversion.claimed(chunk, 2 ** tried, record);
      this.#map.forEachBlock(chunk, 2 ** tried, (start, pages) => this.#map.put(start, pages));
      return chunk;
    }
    return -1;
  }

  #give(start: Pfn, pages: number, record: Recorder): void {
    this.#conversion.allocating(start, pages, record);
    record.allocate(start, pages);
    this.#map.forEachBlock(start, pages, (from, count, block) => {
      this.#map.extents[block]++;
      this.#map.take(from, count);
    });
  }

  free(request: FreeRequest, view: StateView, record: Recorder): void {
    for (let left = view.extentCount(request.allocation); left > 0; left--) {
      const start = view.extentPfn(request.allocation);
      const pages = view.extentPages(request.allocation);
      record.free(start, pages);
      this.#conversion.freed(start, pages, record);
      this.#map.forEachBlock(start, pages, (from, count, block) => {
        this.#map.extents[block]--;
        this.#map.put(from, count);
        if (this.#map.extents[block] === 0 && this.#supply.returnsEmptyBlock()) {
          this.#return(toPfn(block * this.#pagesPerBlock), this.#pagesPerBlock, view, record);
        }
      });
    }
  }

  /** Makes what is shared of a part of a block that nobody uses private, and gives its claimed pages back. */
  #return(first: Pfn, pages: number, view: StateView, record: Recorder): void {
    forEachRun(view, 'shared', first, pages, (start, count) => record.encrypt(start, count));
    forEachRun(view, 'claimed', first, pages, (start, count) => {
      this.#map.take(start, count);
      record.giveBack(start, count);
    });
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
