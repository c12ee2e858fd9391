import { orderFor, type Pfn, pfn as toPfn } from '@decpool/model';
import type { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';

/**
 * Buddy: a private buddy allocator in the pool, filled with whole blocks, as unmapped_alloc() of Rapoport's series was
 * (LKML, March 2023). Free pages are kept as naturally aligned chunks of powers of two, joined with their buddies up to a
 * block. A request takes the first chunk of the smallest order that holds it and splits it; what was freed last is used
 * first, as in mm/page_alloc.c. Quick, and blind to which block runs empty. A request that is no power of two gives the
 * rest of its chunk back, as alloc_pages_exact() does.
 */
export function buddy(map: FreeMap): Placement {
  const { pagesPerBlock } = map.geometry;
  const lists = new BuddyLists(map.geometry.spanPages, orderFor(pagesPerBlock));
  map.listen({
    taken: (start, pages) => lists.take(start, start + pages),
    put: (start, pages) => lists.put(start, start + pages),
  });
  return {
    name: 'buddy',
    place: (pages, align, { firstBlock, endBlock }) =>
      lists.first(orderFor(Math.max(pages, align)), firstBlock, Math.min(endBlock, map.blocks)),
  };
}

const NONE = -1;

/**
 * Free chunks of each order, linked by their first pages, the one that was freed last at the head. The chunks of all zones are in
 * one list. So they are counted by zone: a list that has none in a zone is not searched for one.
 */
class BuddyLists {
  readonly #maxOrder: number;
  /** Blocks between two borders of ranges that were asked for, the zones: their number from low to high memory. */
  readonly #partOf: Uint32Array;
  /** Free chunks by part and order. */
  #counts: Uint32Array;
  /** Order of the free chunk that begins at a page; NONE for none. */
  readonly #orderAt: Int8Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #heads: Int32Array;

  constructor(pages: number, maxOrder: number) {
    this.#maxOrder = maxOrder;
    this.#partOf = new Uint32Array(Math.ceil(pages / 2 ** maxOrder));
    this.#counts = new Uint32Array(maxOrder + 1);
    this.#orderAt = new Int8Array(pages).fill(NONE);
    this.#next = new Int32Array(pages);
    this.#previous = new Int32Array(pages);
    this.#heads = new Int32Array(maxOrder + 1).fill(NONE);
  }

  /** First page of the first chunk of the smallest order from `least` on that lies in blocks [first, end), or -1. */
  first(least: number, first: number, end: number): Pfn | -1 {
    this.#divideAt(first);
    this.#divideAt(end);
    const from = first << this.#maxOrder;
    const to = end << this.#maxOrder;
    for (let order = least; order <= this.#maxOrder; order++) {
      if (this.#countIn(first, end, order) === 0) continue;
      for (let page = this.#heads[order]; page !== NONE; page = this.#next[page]) {
        if (page >= from && page < to) return toPfn(page);
      }
    }
    return -1;
  }

  #countIn(first: number, end: number, order: number): number {
    let count = 0;
    for (let part = this.#partOf[first]; part <= this.#partOf[end - 1]; part++) {
      count += this.#counts[part * (this.#maxOrder + 1) + order];
    }
    return count;
  }

  /** A part begins at this block from now on. */
  #divideAt(block: number): void {
    const partOf = this.#partOf;
    if (block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block]) return;
    for (let above = block; above < partOf.length; above++) partOf[above]++;
    this.#counts = new Uint32Array((partOf[partOf.length - 1] + 1) * (this.#maxOrder + 1));
    for (const [order, head] of this.#heads.entries()) {
      for (let page = head; page !== NONE; page = this.#next[page])
        this.#counts[this.#countAt(page, order)]++;
    }
  }

  #countAt(page: number, order: number): number {
    return this.#partOf[page >>> this.#maxOrder] * (this.#maxOrder + 1) + order;
  }

  /** Takes free pages [start, end) out; what is left of their chunks stays, as the smaller chunks that it makes. */
  take(start: number, end: number): void {
    for (let at = start; at < end; ) {
      const first = this.#chunkOf(at);
      const chunkEnd = first + 2 ** this.#orderAt[first];
      this.#remove(first);
      this.#addRange(first, Math.max(first, start));
      this.#addRange(Math.min(end, chunkEnd), chunkEnd);
      at = chunkEnd;
    }
  }

  /** Makes pages [start, end) free, which none of them is, and joins them with their buddies. */
  put(start: number, end: number): void {
    forEachChunk(start, end, (chunk, chunkOrder) => {
      let page = chunk;
      let order = chunkOrder;
      while (order < this.#maxOrder) {
        const other = page ^ (1 << order);
        if (this.#orderAt[other] !== order) break;
        this.#remove(other);
        page = Math.min(page, other);
        order++;
      }
      this.#add(page, order);
    });
  }

  #addRange(start: number, end: number): void {
    forEachChunk(start, end, (page, order) => this.#add(page, order));
  }

  /** First page of the free chunk that holds a page. */
  #chunkOf(page: number): number {
    for (let order = 0; ; order++) {
      const first = page & -(1 << order);
      if (this.#orderAt[first] === order) return first;
    }
  }

  #add(page: number, order: number): void {
    const head = this.#heads[order];
    this.#counts[this.#countAt(page, order)]++;
    this.#orderAt[page] = order;
    this.#next[page] = head;
    this.#previous[page] = NONE;
    if (head !== NONE) this.#previous[head] = page;
    this.#heads[order] = page;
  }

  #remove(page: number): void {
    const next = this.#next[page];
    const previous = this.#previous[page];
    const order = this.#orderAt[page];
    this.#counts[this.#countAt(page, order)]--;
    if (previous === NONE) this.#heads[order] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#orderAt[page] = NONE;
  }
}

/** Calls `each` for the largest naturally aligned chunks that [start, end) is made of, from low to high. */
function forEachChunk(start: number, end: number, each: (page: number, order: number) => void): void {
  for (let at = start; at < end; ) {
    const alignment = at === 0 ? 31 : 31 - Math.clz32(at & -at);
    const order = Math.min(alignment, 31 - Math.clz32(end - at));
    each(at, order);
    at += 2 ** order;
  }
}
