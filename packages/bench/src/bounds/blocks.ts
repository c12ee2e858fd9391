/** The blocks of a packing: each item is placed where pages are free for all of its life. */
import type { PageItem } from './items.ts';
import { findFree, takeFree } from './page-mask.ts';
import type { Piece } from './plan.ts';

export interface BlockState {
  /** The block holds only items of this place. */
  readonly place: string;
  freePages: number;
  /** Index of the request that frees the last of its items; 0 if it is empty. */
  lastEnd: number;
}

/** An item tries the blocks with the smallest keys first. Ties go to the lowest block. */
export type Preference = (block: BlockState, item: PageItem) => number;

export const lowestFirst: Preference = () => 0;

export abstract class Blocks<State extends BlockState> {
  protected readonly pagesPerBlock: number;
  protected readonly blocks: State[] = [];

  constructor(pagesPerBlock: number) {
    this.pagesPerBlock = pagesPerBlock;
  }

  protected abstract emptyBlock(place: string): State;
  /** The pages of the block that are used at some time in the item's life. Valid until the next call. */
  protected abstract usedDuring(block: State, item: PageItem): Int32Array;

  /** The lowest page of the block from which the item's pages are free during its life; -1 for none. */
  protected freePlace(block: State, item: PageItem): number {
    return findFree(this.usedDuring(block, item), this.pagesPerBlock, item.pages, item.align);
  }

  /** The place of an item. The pages stay free. */
  protected place(item: PageItem, prefer: Preference): Piece[] {
    if (item.align === 0) return this.#inPieces(item, prefer);
    return item.pages <= this.pagesPerBlock ? [this.#inBlock(item, prefer)] : this.#overBlocks(item);
  }

  #inBlock(item: PageItem, prefer: Preference): Piece {
    const { pages, place } = item;
    let best: Piece | undefined;
    let bestKey = Number.POSITIVE_INFINITY;
    for (const [block, state] of this.blocks.entries()) {
      if (state.freePages < pages || state.place !== place) continue;
      const key = prefer(state, item);
      if (best !== undefined && key >= bestKey) continue;
      const first = this.freePlace(state, item);
      if (first === -1) continue;
      best = { block, first, pages };
      bestKey = key;
      if (prefer === lowestFirst) break;
    }
    return best ?? { block: this.#add(place), first: 0, pages };
  }

  /** The lowest run of blocks with room that begins at a multiple of its length. All but its last block must be empty. */
  #overBlocks(item: PageItem): Piece[] {
    const { pages, align } = item;
    for (let start = 0; ; start += align / this.pagesPerBlock) {
      const pieces = Array.from({ length: Math.ceil(pages / this.pagesPerBlock) }, (_, index) => ({
        block: start + index,
        first: 0,
        pages: Math.min(this.pagesPerBlock, pages - index * this.pagesPerBlock),
      }));
      if (pieces.every((piece) => this.#isFree(piece, item))) return pieces;
    }
  }

  /** Adds the blocks that are missing. */
  #isFree({ block, pages }: Piece, item: PageItem): boolean {
    while (this.blocks.length <= block) this.#add(item.place);
    const state = this.blocks[block];
    if (state.place !== item.place) return false;
    return findFree(this.usedDuring(state, item), this.pagesPerBlock, pages, this.pagesPerBlock) === 0;
  }

  #inPieces(item: PageItem, prefer: Preference): Piece[] {
    const open = [...this.blocks.entries()]
      .filter(([, { freePages, place }]) => freePages > 0 && place === item.place)
      .map(([block, state]) => ({ block, key: prefer(state, item) }))
      .sort((a, b) => a.key - b.key);
    const pieces: Piece[] = [];
    for (let left = item.pages; left > 0; ) {
      const block = open.shift()?.block ?? this.#add(item.place);
      takeFree(this.usedDuring(this.blocks[block], item), this.pagesPerBlock, left, (first, pages) => {
        pieces.push({ block, first, pages });
        left -= pages;
      });
    }
    return pieces;
  }

  #add(place: string): number {
    return this.blocks.push(this.emptyBlock(place)) - 1;
  }
}
