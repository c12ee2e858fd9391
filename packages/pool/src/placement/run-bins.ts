import type { Pfn } from '@decpool/model';
import type { BlockRange } from '../policy.ts';
import { BlockBins } from './block-bins.ts';
import type { FreeMap } from './free-map.ts';

/** The free runs of a pool by their exact length, so that a search can go through them from one length to the next. */
export class RunBins {
  readonly #map: FreeMap;
  readonly #bins: BlockBins;

  constructor(map: FreeMap) {
    const longest = map.geometry.pagesPerBlock;
    this.#map = map;
    const bins = new BlockBins(longest + 1, map.blocks);
    this.#bins = bins;
    /** Runs of each length in each block. */
    const counts = new Uint16Array(map.blocks * (longest + 1));
    const cell = (start: number, pages: number) => Math.floor(start / longest) * (longest + 1) + pages;
    map.listen({
      runAdded(start, pages) {
        if (counts[cell(start, pages)]++ === 0) bins.add(pages, Math.floor(start / longest));
      },
      runRemoved(start, pages) {
        if (--counts[cell(start, pages)] === 0) bins.remove(pages, Math.floor(start / longest));
      },
    });
  }

  /** The place in the shortest run that holds the request, the lowest among equals; -1 when there is none. */
  inShortest(pages: number, align: number, range: BlockRange): Pfn | -1 {
    for (let length = this.#bins.firstBin(pages); length >= 0; length = this.#bins.firstBin(length + 1)) {
      const found = this.#inRunsOf(length, pages, align, range);
      if (found !== -1) return found;
    }
    return -1;
  }

  /** The place in the longest run, the lowest among equals; -1 when none holds the request. */
  inLongest(pages: number, align: number, range: BlockRange): Pfn | -1 {
    for (let length = this.#bins.lastBin(); length >= pages; length = this.#bins.lastBin(length - 1)) {
      const found = this.#inRunsOf(length, pages, align, range);
      if (found !== -1) return found;
    }
    return -1;
  }

  #inRunsOf(length: number, pages: number, align: number, range: BlockRange): Pfn | -1 {
    let block = this.#bins.firstBlock(length, range.firstBlock);
    for (; block >= 0 && block < range.endBlock; block = this.#bins.firstBlock(length, block + 1)) {
      const found = this.#map.findInBlock(block, pages, align, length);
      if (found !== -1) return found;
    }
    return -1;
  }
}
