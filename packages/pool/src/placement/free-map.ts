/**
 * The free pages of a pool: a bit per page, 1 = claimed and unused, and per block the largest free run. A placement that keeps
 * an index of runs or blocks attaches a listener. Runs never cross a block: a block is returned as a whole.
 */
import { type BlockIndex, blockIndex, type Geometry, type Pfn, pfn as toPfn } from '@decpool/model';
import { blockCount } from '@decpool/model/internal';
import { MaxTree } from './max-tree.ts';

/** Called for each change of the free pages; `start` is the first page of a run. */
export interface FreeMapListener {
  /** The arguments of take() and put(). */
  taken?(start: number, pages: number): void;
  /** Pages became free. */
  put?(start: number, pages: number): void;
  /** There is a new free run. */
  runAdded?(start: number, pages: number): void;
  /** A free run is no more; parts of it may be runs of their own. */
  runRemoved?(start: number, pages: number): void;
  /** After a block's runs have changed; `largest` was its largest free run before. */
  blockChanged?(block: BlockIndex, largest: number): void;
}

/** The pool's claimed and unused pages, for placements: free runs, each inside of one block. */
export class FreeMap {
  readonly geometry: Geometry;
  readonly blocks: number;
  /** Largest free run of each block, in pages. */
  readonly largest: Uint16Array;
  /** Order of the largest naturally aligned free chunk of each block; -1 when it has no free page. */
  readonly largestOrder: Int8Array;
  /** Extents in use in each block. */
  readonly extents: Uint16Array;
  /**
   * By log2 of an alignment, made when it is first asked for: for each block no less than the most pages that fit at a
   * multiple of it. A search in vain sets it right, pages that become free raise it: no block is searched in vain twice for the same.
   */
  readonly #fits: (MaxTree | undefined)[] = [];
  #freePages = 0;
  readonly #words: Int32Array;
  readonly #pagesPerBlock: number;
  readonly #blockShift: number;
  /** Listeners by what they listen to: most listen to one thing, and there are changes with every request. */
  readonly #hearing: { readonly [Name in keyof FreeMapListener]-?: NonNullable<FreeMapListener[Name]>[] } = {
    taken: [],
    put: [],
    runAdded: [],
    runRemoved: [],
    blockChanged: [],
  };

  constructor(geometry: Geometry) {
    this.geometry = geometry;
    this.blocks = blockCount(geometry);
    this.largest = new Uint16Array(this.blocks);
    this.largestOrder = new Int8Array(this.blocks).fill(-1);
    this.extents = new Uint16Array(this.blocks);
    this.#words = new Int32Array(geometry.spanPages / 32);
    this.#pagesPerBlock = geometry.pagesPerBlock;
    this.#blockShift = 31 - Math.clz32(geometry.pagesPerBlock);
  }

  /** Reports changes from now on, for an index of your own. */
  listen(listener: FreeMapListener): void {
    const { taken, put, runAdded, runRemoved, blockChanged } = listener;
    if (taken) this.#hearing.taken.push(taken.bind(listener));
    if (put) this.#hearing.put.push(put.bind(listener));
    if (runAdded) this.#hearing.runAdded.push(runAdded.bind(listener));
    if (runRemoved) this.#hearing.runRemoved.push(runRemoved.bind(listener));
    if (blockChanged) this.#hearing.blockChanged.push(blockChanged.bind(listener));
  }

  /** Free pages of the whole pool. */
  get freePages(): number {
    return this.#freePages;
  }

  /** Free pages in blocks [firstBlock, endBlock). */
  freePagesIn(firstBlock: number, endBlock: number): number {
    if (firstBlock === 0 && endBlock >= this.blocks) return this.#freePages;
    let free = 0;
    for (let block = firstBlock; block < Math.min(endBlock, this.blocks); block++) {
      this.forEachRun(blockIndex(block), (_, pages) => {
        free += pages;
      });
    }
    return free;
  }

  /** Takes pages of one block into use: they must all be free. */
  take(start: Pfn, pages: number): void {
    const end = start + pages;
    const block = blockIndex(start >>> this.#blockShift);
    const runStart = this.#runStart(start, block * this.#pagesPerBlock);
    const runEnd = this.#runEnd(end, (block + 1) * this.#pagesPerBlock);
    this.#set(start, end, false);
    this.#freePages -= pages;
    const before = this.largest[block];
    const couldServe = alignedOrder(runStart, runEnd);
    if (runEnd - runStart === before || couldServe === this.largestOrder[block]) this.#rescan(block);
    const { taken, runRemoved, runAdded, blockChanged } = this.#hearing;
    for (const call of taken) call(start, pages);
    for (const call of runRemoved) call(runStart, runEnd - runStart);
    for (const call of runAdded) {
      if (start > runStart) call(runStart, start - runStart);
      if (runEnd > end) call(end, runEnd - end);
    }
    for (const call of blockChanged) call(block, before);
  }

  /** Makes pages of one block free: none of them may be. */
  put(start: Pfn, pages: number): void {
    const end = start + pages;
    const block = blockIndex(start >>> this.#blockShift);
    const runStart = this.#runStart(start, block * this.#pagesPerBlock);
    const runEnd = this.#runEnd(end, (block + 1) * this.#pagesPerBlock);
    this.#set(start, end, true);
    this.#freePages += pages;
    const before = this.largest[block];
    this.largest[block] = Math.max(before, runEnd - runStart);
    this.largestOrder[block] = Math.max(this.largestOrder[block], alignedOrder(runStart, runEnd));
    this.#raiseFits(block, runStart, runEnd);
    const { put, runRemoved, runAdded, blockChanged } = this.#hearing;
    for (const call of put) call(start, pages);
    for (const call of runRemoved) {
      if (start > runStart) call(runStart, start - runStart);
      if (runEnd > end) call(end, runEnd - end);
    }
    for (const call of runAdded) call(runStart, runEnd - runStart);
    for (const call of blockChanged) call(block, before);
  }

  /** The block that a page lies in. */
  blockOf(page: number): BlockIndex {
    return blockIndex(page >>> this.#blockShift);
  }

  /** How many of the pages from `at` up to `end` lie in the block of `at`. */
  pagesInBlock(at: number, end: number): number {
    return Math.min(end, ((at >>> this.#blockShift) + 1) << this.#blockShift) - at;
  }

  /** Calls `each` for the part of [start, start + pages) in each block. */
  forEachBlock(
    start: Pfn,
    pages: number,
    each: (start: Pfn, pages: number, block: BlockIndex) => void,
  ): void {
    const end = start + pages;
    for (let at: number = start; at < end; at += this.pagesInBlock(at, end)) {
      each(toPfn(at), this.pagesInBlock(at, end), this.blockOf(at));
    }
  }

  /** Lowest multiple of `align` in a block at which `pages` free pages begin, or -1. */
  findInBlock(block: number, pages: number, align: number): Pfn | -1 {
    const first = block * this.#pagesPerBlock;
    if (pages === align) {
      const isThere = this.largestOrder[block] >= 31 - Math.clz32(pages);
      return isThere ? this.findFrom(first, pages, align) : -1;
    }
    const fits = this.#fitsAt(align);
    if (fits.at(block) < pages) return -1;
    const blockEnd = first + this.#pagesPerBlock;
    let most = 0;
    let at = this.#nextFree(first, blockEnd);
    while (at < blockEnd) {
      const end = this.#runEnd(at, blockEnd);
      const aligned = (at + align - 1) & -align;
      if (aligned + pages <= end) return toPfn(aligned);
      most = Math.max(most, end - aligned);
      at = this.#nextFree(end, blockEnd);
    }
    fits.set(block, most);
    return -1;
  }

  /**
   * Lowest place for a request in blocks [first, end), or -1. `byPages`: for each block no less than the pages that fit there; default:
   * those of all blocks, for a request that is no aligned chunk (its size is not its alignment).
   */
  findLowest(
    pages: number,
    align: number,
    first: number,
    end: number,
    byPages: MaxTree = this.#fitsAt(align),
  ): Pfn | -1 {
    for (let block = first - 1; ; ) {
      block = byPages.firstAtLeast(pages, block + 1);
      if (block < 0 || block >= end) return -1;
      const found = this.findInBlock(block, pages, align);
      if (found !== -1) return found;
    }
  }

  #fitsAt(align: number): MaxTree {
    const order = 31 - Math.clz32(align);
    const known = this.#fits[order];
    if (known !== undefined) return known;
    const fits = new MaxTree(this.blocks);
    for (let block = 0; block < this.blocks; block++) fits.set(block, this.largest[block]);
    // An array with holes would be slower to read.
    while (this.#fits.length <= order) this.#fits.push(undefined);
    this.#fits[order] = fits;
    return fits;
  }

  #raiseFits(block: number, runStart: number, runEnd: number): void {
    for (let order = 0; order < this.#fits.length; order++) {
      const fits = this.#fits[order];
      if (fits === undefined) continue;
      const pages = runEnd - (((runStart + (1 << order) - 1) >>> order) << order);
      if (pages > fits.at(block)) fits.set(block, pages);
    }
  }

  /** As findInBlock(), but at page `from` of the block or above it. `runPages`: only in runs of exactly that many. */
  findFrom(from: number, pages: number, align: number, runPages?: number): Pfn | -1 {
    const blockEnd = ((from >>> this.#blockShift) + 1) * this.#pagesPerBlock;
    let at = this.#nextFree(from, blockEnd);
    while (at < blockEnd) {
      const end = this.#runEnd(at, blockEnd);
      const aligned = (at + align - 1) & -align;
      if (aligned + pages <= end && (runPages === undefined || end - at === runPages)) return toPfn(aligned);
      at = this.#nextFree(end, blockEnd);
    }
    return -1;
  }

  /** Calls `each` for every free run of a block, from low to high; it may take pages of the run, and no others. */
  forEachRun(block: BlockIndex, each: (start: Pfn, pages: number) => void): void {
    const blockEnd = (block + 1) * this.#pagesPerBlock;
    let at = this.#nextFree(block * this.#pagesPerBlock, blockEnd);
    while (at < blockEnd) {
      const end = this.#runEnd(at, blockEnd);
      each(toPfn(at), end - at);
      at = this.#nextFree(end, blockEnd);
    }
  }

  #rescan(block: BlockIndex): void {
    const blockEnd = (block + 1) * this.#pagesPerBlock;
    const largestBefore = this.largest[block];
    const orderBefore = this.largestOrder[block];
    let largest = 0;
    let order = -1;
    let at = this.#nextFree(block * this.#pagesPerBlock, blockEnd);
    while (at < blockEnd) {
      const end = this.#runEnd(at, blockEnd);
      if (end - at > largest) largest = end - at;
      if (end - at >= 1 << (order + 1)) order = Math.max(order, alignedOrder(at, end));
      if (largest === largestBefore && order === orderBefore) break;
      at = this.#nextFree(end, blockEnd);
    }
    this.largest[block] = largest;
    this.largestOrder[block] = order;
  }

  /** First free page from `at` on, or `limit`. */
  #nextFree(at: number, limit: number): number {
    const words = this.#words;
    while (at < limit) {
      const word = (words[at >>> 5] >>> (at & 31)) | 0;
      if (word !== 0) return at + (31 - Math.clz32(word & (~word + 1)));
      at = (at | 31) + 1;
    }
    return limit;
  }

  /** End of the free pages that begin at `at`: `at` itself when it is not free. */
  #runEnd(at: number, limit: number): number {
    const words = this.#words;
    while (at < limit) {
      const word = (~words[at >>> 5] >>> (at & 31)) | 0;
      if (word !== 0) return Math.min(limit, at + (31 - Math.clz32(word & (~word + 1))));
      at = (at | 31) + 1;
    }
    return limit;
  }

  /** Begin of the free pages that end at `at`: `at` itself when the page before is not free. */
  #runStart(at: number, limit: number): number {
    const words = this.#words;
    while (at > limit) {
      const last = at - 1;
      const word = ~words[last >>> 5] << (31 - (last & 31));
      if (word !== 0) return Math.max(limit, at - Math.clz32(word));
      at = last & ~31;
    }
    return limit;
  }

  #set(start: number, end: number, free: boolean): void {
    for (let word = start >>> 5; word * 32 < end; word++) {
      const low = start <= word * 32 ? -1 : -1 << (start & 31);
      const high = end >= word * 32 + 32 ? -1 : ~(-1 << (end & 31));
      if (free) this.#words[word] |= low & high;
      else this.#words[word] &= ~(low & high);
    }
  }
}

/** Largest order of a naturally aligned chunk inside [start, end), which is not empty. */
function alignedOrder(start: number, end: number): number {
  let order = 31 - Math.clz32(end - start);
  // A run of 2^k pages holds an aligned chunk of 2^(k-1) wherever it begins, so this ends after one step.
  while ((((start + (1 << order) - 1) >>> order) << order) + (1 << order) > end) order--;
  return order;
}
