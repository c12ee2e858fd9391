/** Free places of a pool: what the placement chooses, and what it does not look at. */
import { type AllocateRequest, blockIndex, InputError, type Pfn, pfn as toPfn } from '@decpool/model';
import type { FreeMap } from './placement/free-map.ts';
import type { Placement } from './placement/placement.ts';
import type { BlockRange } from './policy.ts';

export class PlaceFinder {
  readonly #map: FreeMap;
  readonly #placement: Placement;
  readonly #pagesPerBlock: number;

  constructor(map: FreeMap, placement: Placement) {
    this.#map = map;
    this.#placement = placement;
    this.#pagesPerBlock = map.geometry.pagesPerBlock;
  }

  /** First page of free pages for a request at a multiple of `align`, in the first of the zones that has them, or -1. */
  find(
    pages: number,
    align: number,
    zones: readonly BlockRange[],
    request: AllocateRequest | undefined,
  ): Pfn | -1 {
    for (const zone of zones) {
      const found =
        pages <= this.#pagesPerBlock
          ? this.#placement.place(pages, align, zone, request)
          : this.#findOverBlocks(pages, align, zone);
      if (found !== -1) return found;
    }
    return -1;
  }

  /** Rather than refuse a request: the lowest place that fits, if the placement leaves free pages unused. */
  findUnused(pages: number, align: number, { firstBlock, endBlock }: BlockRange): Pfn | -1 {
    if (this.#placement.usablePages === undefined || pages > this.#pagesPerBlock) return -1;
    for (let block = firstBlock; block < Math.min(endBlock, this.#map.blocks); block++) {
      if (this.#map.largest[block] < pages) continue;
      const found = this.#map.findInBlock(blockIndex(block), pages, align);
      if (found !== -1) return found;
    }
    return -1;
  }

  /**
   * Throws InputError if free pages in the zones would do although the placement found none of them: it leaves some unused, and says
   * of none which.
   */
  expectUsed(pages: number, align: number, zones: readonly BlockRange[]): void {
    const { name, usablePages } = this.#placement;
    if (usablePages !== undefined || pages > this.#pagesPerBlock) return;
    for (const { firstBlock, endBlock } of zones) {
      for (let block = firstBlock; block < Math.min(endBlock, this.#map.blocks); block++) {
        if (this.#map.largest[block] < pages) continue;
        const unused = this.#map.findInBlock(blockIndex(block), pages, align);
        if (unused === -1) continue;
        throw new InputError(
          `placement '${name}': place(${pages}, ${align}) found nothing, but the free pages at ${unused} fit; a placement that leaves free pages unused must have usablePages()`,
        );
      }
    }
  }

  /** Free runs never cross a block, so a larger request takes the lowest wholly free blocks that lie together. */
  #findOverBlocks(pages: number, align: number, { firstBlock, endBlock }: BlockRange): Pfn | -1 {
    const needed = Math.ceil(pages / this.#pagesPerBlock);
    const step = align / this.#pagesPerBlock;
    for (let first = Math.ceil(firstBlock / step) * step; first + needed <= endBlock; first += step) {
      let free = 0;
      while (free < needed && this.#map.largest[first + free] === this.#pagesPerBlock) free++;
      if (free === needed) return toPfn(first * this.#pagesPerBlock);
    }
    return -1;
  }
}
