/**
 * lib/genalloc.c as kernel/dma/pool.c uses it: chunks with a bitmap of pages each, the newest first, and in it the first place that
 * fits, naturally aligned (gen_pool_first_fit_order_align). A chunk never leaves.
 */
import { MAX_PAGE_ORDER, type Pfn, pfn as toPfn } from '@decpool/model';
import type { BlockRange } from '../policy.ts';
import { UnitMap } from '../unit-map.ts';

/** struct gen_pool_chunk. It is naturally aligned, so an alignment inside it is one of addresses. */
interface Chunk {
  readonly start: number;
  readonly pages: number;
  readonly map: UnitMap;
}

export class GenPool {
  readonly #pagesPerBlock: number;
  /** The oldest first. */
  readonly #chunks: Chunk[] = [];
  readonly #byStart = new Map<number, Chunk>();

  constructor(pagesPerBlock: number) {
    this.#pagesPerBlock = pagesPerBlock;
  }

  /** A naturally aligned power of two of pages, at most of the largest order. */
  add(start: Pfn, pages: number): void {
    const chunk = { start, pages, map: new UnitMap(pages) };
    this.#chunks.push(chunk);
    this.#byStart.set(start, chunk);
  }

  /** Pages in chunks, used or not. Default: in all chunks. */
  pagesIn(range?: BlockRange): number {
    return this.#chunksIn(range).reduce((sum, { pages }) => sum + pages, 0);
  }

  freePagesIn(range?: BlockRange): number {
    return this.#chunksIn(range).reduce((sum, { map }) => sum + map.free, 0);
  }

  holds(page: Pfn): boolean {
    return this.#chunkOf(page) !== undefined;
  }

  /** Takes free pages at a multiple of `align`, a power of two; -1 if no chunk in the range has such a place. */
  take(pages: number, align: number, range?: BlockRange): Pfn | -1 {
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
    if (this.#chunks.length === 0) return undefined;
    for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
      const chunk = this.#byStart.get(page - (page % (1 << order)));
      if (chunk !== undefined && page < chunk.start + chunk.pages) return chunk;
    }
    return undefined;
  }

  #chunksIn(range: BlockRange | undefined): readonly Chunk[] {
    return range === undefined ? this.#chunks : this.#chunks.filter((chunk) => this.#isIn(chunk, range));
  }

  #isIn({ start, pages }: Chunk, range: BlockRange | undefined): boolean {
    if (range === undefined) return true;
    const { firstBlock, endBlock } = range;
    return start >= firstBlock * this.#pagesPerBlock && start + pages <= endBlock * this.#pagesPerBlock;
  }
}
