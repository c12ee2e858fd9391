import type { Pfn } from '@decpool/model';
import type { BlockRange } from '../policy.ts';
import { BlockBins } from './block-bins.ts';
import type { FreeMap } from './free-map.ts';

/** Blocks by the exact lengths of those of their free runs that hold a request of one size and alignment. */
interface Shape {
  readonly pages: number;
  readonly align: number;
  /** A run that is no more may still have its block here: a search in vain takes it out. */
  readonly blocks: BlockBins;
}

/** The free runs of a pool by their exact length, so that a search can go through them from one length to the next. */
export class RunBins {
  readonly #map: FreeMap;
  readonly #longest: number;
  /** One for each size and alignment that was asked for so far: there are few. */
  readonly #shapes: Shape[] = [];

  constructor(map: FreeMap) {
    this.#map = map;
    this.#longest = map.geometry.pagesPerBlock;
    map.listen({
      runAdded: (start, pages) => {
        for (const shape of this.#shapes) addRun(shape, map.blockOf(start), start, pages);
      },
    });
  }

  /** The place in the shortest run that holds the request, the lowest among equals; -1 when there is none. */
  inShortest(pages: number, align: number, range: BlockRange): Pfn | -1 {
    const { blocks } = this.#shapeOf(pages, align);
    for (let length = blocks.firstBin(pages); length >= 0; length = blocks.firstBin(length + 1)) {
      const found = this.#inRunsOf(length, blocks, pages, align, range);
      if (found !== -1) return found;
    }
    return -1;
  }

  /** The place in the longest run, the lowest among equals; -1 when none holds the request. */
  inLongest(pages: number, align: number, range: BlockRange): Pfn | -1 {
    const { blocks } = this.#shapeOf(pages, align);
    for (let length = blocks.lastBin(); length >= pages; length = blocks.lastBin(length - 1)) {
      const found = this.#inRunsOf(length, blocks, pages, align, range);
      if (found !== -1) return found;
    }
    return -1;
  }

  #inRunsOf(length: number, blocks: BlockBins, pages: number, align: number, range: BlockRange): Pfn | -1 {
    let block = blocks.firstBlock(length, range.firstBlock);
    for (; block >= 0 && block < range.endBlock; block = blocks.firstBlock(length, block + 1)) {
      // Most of the runs that are no more were the largest of their blocks: not searched for.
      const mayBe = this.#map.largest[block] >= length;
      const found = mayBe ? this.#map.findFrom(block * this.#longest, pages, align, length) : -1;
      if (found !== -1) return found;
      blocks.remove(length, block);
    }
    return -1;
  }

  #shapeOf(pages: number, align: number): Shape {
    for (const shape of this.#shapes) if (shape.pages === pages && shape.align === align) return shape;
    const map = this.#map;
    const shape = { pages, align, blocks: new BlockBins(this.#longest + 1, map.blocks) };
    for (let block = 0; block < map.blocks; block++) {
      if (map.largest[block] < pages) continue;
      map.forEachRun(map.blockOf(block * this.#longest), (start, length) =>
        addRun(shape, block, start, length),
      );
    }
    this.#shapes.push(shape);
    return shape;
  }
}

function addRun({ pages, align, blocks }: Shape, block: number, start: number, length: number): void {
  const holds = ((start + align - 1) & -align) + pages <= start + length;
  if (holds && !blocks.has(length, block)) blocks.add(length, block);
}
