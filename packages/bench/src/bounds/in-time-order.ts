/**
 * Packings made in the order in which the items come, as a policy would that knew when each of them goes. Whatever is
 * free when an item comes is free for all of its life, so this takes no more than a bitmap per block.
 */
import type { PageItem } from './items.ts';
import { emptyMask, findFree, mark, takeFree, wordsFor } from './page-mask.ts';
import type { Packing, Piece } from './plan.ts';

/** Which blocks an item tries first: those with the smallest keys; ties go to the lowest block. */
type Preference = (block: BlockState, item: PageItem) => number;

/** What a preference sees of a block. */
export interface BlockState {
  readonly freePages: number;
  /** Index of the request at which the last of the items in it goes; 0 when it is empty. */
  readonly lastEnd: number;
}

/** The lowest block that fits. */
export const lowestFirst: Preference = () => 0;

/** The fullest block that fits. */
export const fullestFirst: Preference = ({ freePages }) => freePages;

/**
 * Best fit on the time of departure: the block that stays open anyhow and the least longer than the item; or else the one
 * that it keeps open for the least time; an empty one last.
 */
export const departureFirst: Preference = ({ lastEnd }, { end }) => {
  if (lastEnd === 0) return Number.POSITIVE_INFINITY;
  return lastEnd >= end ? lastEnd - end : FAR + end - lastEnd;
};

/** Beyond any index of a request. */
const FAR = 2 ** 40;

export function packInTimeOrder(
  items: readonly PageItem[],
  pagesPerBlock: number,
  prefer: Preference,
): Packing {
  const blocks = new SweptBlocks(pagesPerBlock);
  const packing: (readonly Piece[])[] = [];
  const departures = items.map((_, index) => index).sort((a, b) => items[a].end - items[b].end);
  let gone = 0;
  for (const item of items) {
    for (; items[departures[gone]].end <= item.start; gone++) blocks.free(packing[departures[gone]]);
    const pieces = blocks.place(item, prefer);
    blocks.take(item, pieces);
    packing.push(pieces);
  }
  return packing;
}

interface SweptBlock {
  /** The only place whose items it may hold. */
  readonly place: string;
  freePages: number;
  lastEnd: number;
}

class SweptBlocks {
  readonly #pagesPerBlock: number;
  readonly #words: number;
  readonly #blocks: SweptBlock[] = [];
  #masks = new Int32Array(0);

  constructor(pagesPerBlock: number) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#words = wordsFor(pagesPerBlock);
  }

  place(item: PageItem, prefer: Preference): Piece[] {
    if (item.align === 0) return this.#placeScattered(item, prefer);
    return item.pages <= this.#pagesPerBlock
      ? [this.#placeInBlock(item, prefer)]
      : this.#placeOverBlocks(item);
  }

  take(item: PageItem, pieces: readonly Piece[]): void {
    for (const { block, first, pages } of pieces) {
      mark(this.#masks, block * this.#words, first, pages, true);
      const state = this.#blocks[block];
      state.freePages -= pages;
      state.lastEnd = Math.max(state.lastEnd, item.end);
    }
  }

  free(pieces: readonly Piece[]): void {
    for (const { block, first, pages } of pieces) {
      mark(this.#masks, block * this.#words, first, pages, false);
      const state = this.#blocks[block];
      state.freePages += pages;
      if (state.freePages === this.#pagesPerBlock) state.lastEnd = 0;
    }
  }

  #placeInBlock(item: PageItem, prefer: Preference): Piece {
    const { pages, align, place } = item;
    let best: Piece | undefined;
    let bestKey = Number.POSITIVE_INFINITY;
    for (const [block, state] of this.#blocks.entries()) {
      if (state.freePages < pages || state.place !== place) continue;
      const key = prefer(state, item);
      if (best !== undefined && key >= bestKey) continue;
      const first = findFree(this.#masks, block * this.#words, this.#pagesPerBlock, pages, align);
      if (first === -1) continue;
      best = { block, first, pages };
      bestKey = key;
      if (key === 0 && prefer === lowestFirst) break;
    }
    return best ?? { block: this.#add(place), first: 0, pages };
  }

  /** In the lowest run of blocks that begins at a multiple of its length and has room: more than a block needs all but the last whole. */
  #placeOverBlocks({ pages, align, place }: PageItem): Piece[] {
    const step = align / this.#pagesPerBlock;
    let start = 0;
    while (!this.#hasRoom(start, pages, place)) start += step;
    return piecesOver(start, pages, this.#pagesPerBlock);
  }

  /** Adds blocks where there are not enough. */
  #hasRoom(start: number, pages: number, place: string): boolean {
    for (const { block, pages: count } of piecesOver(start, pages, this.#pagesPerBlock)) {
      while (this.#blocks.length <= block) this.#add(place);
      if (this.#blocks[block].place !== place) return false;
      if (findFree(this.#masks, block * this.#words, this.#pagesPerBlock, count, this.#pagesPerBlock) !== 0)
        return false;
    }
    return true;
  }

  #placeScattered(item: PageItem, prefer: Preference): Piece[] {
    const open = [...this.#blocks.keys()].filter(
      (block) => this.#blocks[block].freePages > 0 && this.#blocks[block].place === item.place,
    );
    const keys = new Map(open.map((block) => [block, prefer(this.#blocks[block], item)]));
    // Infinity less Infinity is no order: ties go to the lowest block.
    open.sort((a, b) => {
      const [first, second] = [keys.get(a) ?? 0, keys.get(b) ?? 0];
      return first === second ? a - b : first - second;
    });
    const pieces: Piece[] = [];
    for (let left = item.pages; left > 0; ) {
      const block = open.shift() ?? this.#add(item.place);
      takeFree(this.#masks, block * this.#words, this.#pagesPerBlock, left, (first, pages) => {
        pieces.push({ block, first, pages });
        left -= pages;
      });
    }
    return pieces;
  }

  #add(place: string): number {
    const block = this.#blocks.length;
    const base = block * this.#words;
    if (base + this.#words > this.#masks.length) {
      const more = new Int32Array(Math.max(this.#words * 16, this.#masks.length * 2));
      more.set(this.#masks);
      this.#masks = more;
    }
    this.#masks.set(emptyMask(this.#pagesPerBlock), base);
    this.#blocks.push({ place, freePages: this.#pagesPerBlock, lastEnd: 0 });
    return block;
  }
}

/** A contiguous run of pages from the start of a block on, cut at the ends of blocks. */
export function piecesOver(startBlock: number, pages: number, pagesPerBlock: number): Piece[] {
  return Array.from({ length: Math.ceil(pages / pagesPerBlock) }, (_, index) => ({
    block: startBlock + index,
    first: 0,
    pages: Math.min(pagesPerBlock, pages - index * pagesPerBlock),
  }));
}
