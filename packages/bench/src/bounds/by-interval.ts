/**
 * Packings made in any order: each item goes to the lowest block, and there the lowest pages, that are free during all of
 * its life. What is put first gets the best places: the large, so that the small fill the holes they leave, or the
 * long-lived, so that blocks run empty above them.
 */
import { BlockTimeline } from './block-timeline.ts';
import { piecesOver } from './in-time-order.ts';
import type { PageItem } from './items.ts';
import { emptyMask, findFree, mark, takeFree } from './page-mask.ts';
import type { Packing, Piece } from './plan.ts';

/** Compares items as Array.sort() does: what comes first is put first. */
type ItemOrder = (a: PageItem, b: PageItem) => number;

/** Pages that need not be contiguous fill any hole, and so are the smallest. */
const largestFirst: ItemOrder = (a, b) => b.align - a.align;
const longestFirst: ItemOrder = (a, b) => b.lifeNs - a.lifeNs;
const earliestFirst: ItemOrder = (a, b) => a.start - b.start;
/** Backwards in time. */
const latestFirst: ItemOrder = (a, b) => b.end - a.end;
/** By powers of two of the length of life. */
const longestClassFirst: ItemOrder = (a, b) => lifeClass(b) - lifeClass(a);
const lifeClass = ({ lifeNs }: PageItem) => Math.floor(Math.log2(lifeNs + 1));

const inTurn =
  (...orders: readonly ItemOrder[]): ItemOrder =>
  (a, b) => {
    for (const order of orders) {
      const difference = order(a, b);
      if (difference !== 0) return difference;
    }
    return 0;
  };

export const ITEM_ORDERS: readonly ItemOrder[] = [
  inTurn(largestFirst, earliestFirst),
  inTurn(largestFirst, latestFirst),
  inTurn(largestFirst, longestFirst),
  inTurn(longestFirst, largestFirst),
  inTurn(longestClassFirst, largestFirst, earliestFirst),
];

/** `itemsPerBlock`, about, decides how finely time is divided. */
export function packByInterval(
  items: readonly PageItem[],
  requests: number,
  pagesPerBlock: number,
  itemsPerBlock: number,
  order: ItemOrder,
): Packing {
  const blocks = new TimedBlocks(pagesPerBlock, requests, leavesFor(itemsPerBlock));
  const packing: (readonly Piece[])[] = new Array(items.length).fill([]);
  const sequence = items.map((_, index) => index).sort((a, b) => order(items[a], items[b]) || a - b);
  for (const index of sequence) packing[index] = blocks.put(items[index]);
  return packing;
}

/** So many that a leaf has few items of a block; the tree of a block takes 256 bytes for each. */
const leavesFor = (itemsPerBlock: number): number =>
  Math.min(1024, Math.max(16, 2 ** Math.ceil(Math.log2(2 * itemsPerBlock))));

class TimedBlocks {
  readonly #pagesPerBlock: number;
  readonly #requests: number;
  readonly #leaves: number;
  readonly #timelines: BlockTimeline[] = [];
  /** The only place whose items a block may hold. */
  readonly #places: string[] = [];
  readonly #used: Int32Array;
  readonly #empty: Int32Array;

  constructor(pagesPerBlock: number, requests: number, leaves: number) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#requests = requests;
    this.#leaves = leaves;
    this.#empty = emptyMask(pagesPerBlock);
    this.#used = emptyMask(pagesPerBlock);
  }

  put(item: PageItem): Piece[] {
    const pieces = this.#piecesFor(item);
    const byBlock = new Map<number, Int32Array>();
    for (const { block, first, pages } of pieces) {
      const mask = byBlock.get(block) ?? new Int32Array(this.#empty.length);
      mark(mask, 0, first, pages, true);
      byBlock.set(block, mask);
    }
    for (const [block, mask] of byBlock) this.#timelines[block].add(item.start, item.end, mask);
    return pieces;
  }

  #piecesFor(item: PageItem): Piece[] {
    if (item.align === 0) return this.#scattered(item);
    return item.pages <= this.#pagesPerBlock ? [this.#inBlock(item)] : this.#overBlocks(item);
  }

  #inBlock(item: PageItem): Piece {
    const { pages, align } = item;
    for (let block = 0; ; block++) {
      if (!this.#mayHold(block, item)) continue;
      const first = findFree(this.#usedDuring(block, item), 0, this.#pagesPerBlock, pages, align);
      if (first !== -1) return { block, first, pages };
    }
  }

  /** All but the last whole, so that only blocks without anything else do. */
  #overBlocks(item: PageItem): Piece[] {
    const step = item.align / this.#pagesPerBlock;
    for (let start = 0; ; start += step) {
      const pieces = piecesOver(start, item.pages, this.#pagesPerBlock);
      const isFree = pieces.every(
        ({ block, pages }) =>
          this.#mayHold(block, item) &&
          findFree(this.#usedDuring(block, item), 0, this.#pagesPerBlock, pages, this.#pagesPerBlock) === 0,
      );
      if (isFree) return pieces;
    }
  }

  #scattered(item: PageItem): Piece[] {
    const pieces: Piece[] = [];
    let left = item.pages;
    for (let block = 0; left > 0; block++) {
      if (!this.#mayHold(block, item)) continue;
      takeFree(this.#usedDuring(block, item), 0, this.#pagesPerBlock, left, (first, pages) => {
        pieces.push({ block, first, pages });
        left -= pages;
      });
    }
    return pieces;
  }

  /** Whether the block is for the item's place; adds the blocks up to it where there are none. */
  #mayHold(block: number, { place }: PageItem): boolean {
    while (this.#timelines.length <= block) {
      this.#timelines.push(new BlockTimeline(this.#pagesPerBlock, this.#requests, this.#leaves));
      this.#places.push(place);
    }
    return this.#places[block] === place;
  }

  /** Valid until the next call. */
  #usedDuring(block: number, { start, end }: PageItem): Int32Array {
    this.#used.set(this.#empty);
    this.#timelines[block].collect(start, end, this.#used);
    return this.#used;
  }
}
