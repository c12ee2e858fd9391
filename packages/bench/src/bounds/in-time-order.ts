/**
 * Packings made in the order in which the items come, as by a policy that knows when each of them goes. A page that is
 * free when an item comes is free for all of its life, so a bitmap per block is enough.
 */
import { type BlockState, Blocks, type Preference } from './blocks.ts';
import type { PageItem } from './items.ts';
import { emptyMask, mark } from './page-mask.ts';
import type { Packing, Piece } from './plan.ts';
import type { Steps } from './steps.ts';

export const fullestFirst: Preference = ({ freePages }) => freePages;

/**
 * Best fit on the time of departure: first the block that stays open longer than the item, by the least time; then the
 * block that the item keeps open for the least time; last an empty one.
 */
export const departureFirst: Preference = ({ lastEnd }, { end }) =>
  lastEnd >= end ? lastEnd - end : FAR - lastEnd;

/** Beyond any index of a request. */
const FAR = 2 ** 40;

/** In steps of an item. */
export function* packInTimeOrder(
  items: readonly PageItem[],
  pagesPerBlock: number,
  prefer: Preference,
): Steps<Packing> {
  const blocks = new BlocksNow(pagesPerBlock);
  const packing: (readonly Piece[])[] = [];
  const departures = items.map((_, index) => index).sort((a, b) => items[a].end - items[b].end);
  let gone = 0;
  for (const item of items) {
    for (; items[departures[gone]].end <= item.start; gone++) blocks.free(packing[departures[gone]]);
    packing.push(blocks.take(item, prefer));
    yield;
  }
  return packing;
}

interface BlockNow extends BlockState {
  readonly used: Int32Array;
}

class BlocksNow extends Blocks<BlockNow> {
  protected override emptyBlock(place: string): BlockNow {
    const { pagesPerBlock } = this;
    return { place, freePages: pagesPerBlock, lastEnd: 0, used: emptyMask(pagesPerBlock) };
  }

  protected override usedDuring({ used }: BlockNow): Int32Array {
    return used;
  }

  take(item: PageItem, prefer: Preference): Piece[] {
    const pieces = this.place(item, prefer);
    for (const { block, first, pages } of pieces) {
      const state = this.blocks[block];
      mark(state.used, first, pages, true);
      state.freePages -= pages;
      state.lastEnd = Math.max(state.lastEnd, item.end);
    }
    return pieces;
  }

  free(pieces: readonly Piece[]): void {
    for (const { block, first, pages } of pieces) {
      const state = this.blocks[block];
      mark(state.used, first, pages, false);
      state.freePages += pages;
      if (state.freePages === this.pagesPerBlock) state.lastEnd = 0;
    }
  }
}
