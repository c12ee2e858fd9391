/**
 * Packings made in any order: each item goes to the lowest block, and there the lowest pages, that are free during all of
 * its life. The first items get the best places. If the large come first, the small fill the holes between them; if the
 * long-lived come first, the blocks run empty above them.
 */
import { BlockTimeline } from './block-timeline.ts';
import { type BlockState, Blocks, lowestFirst } from './blocks.ts';
import type { PageItem } from './items.ts';
import { emptyMask, findFree, mark } from './page-mask.ts';
import type { Packing, Piece } from './plan.ts';
import type { Steps } from './steps.ts';

/** Compares items as Array.sort() does. */
type ItemOrder = (a: PageItem, b: PageItem) => number;

/** Pages that need not be contiguous fill any hole, so they come last. */
const largestFirst: ItemOrder = (a, b) => b.align - a.align;
const longestFirst: ItemOrder = (a, b) => b.lifeNs - a.lifeNs;
const earliestFirst: ItemOrder = (a, b) => a.start - b.start;
/** Backwards in time. */
const latestFirst: ItemOrder = (a, b) => b.end - a.end;
/** By powers of two of the length of life. */
const longestClassFirst: ItemOrder = (a, b) => lifeClass(b) - lifeClass(a);
const lifeClass = ({ lifeNs }: PageItem) => Math.floor(Math.log2(lifeNs + 1));

export const ITEM_ORDERS: readonly ItemOrder[] = [
  (a, b) => largestFirst(a, b) || earliestFirst(a, b),
  (a, b) => largestFirst(a, b) || latestFirst(a, b),
  (a, b) => largestFirst(a, b) || longestFirst(a, b),
  (a, b) => longestFirst(a, b) || largestFirst(a, b),
  (a, b) => longestClassFirst(a, b) || largestFirst(a, b) || earliestFirst(a, b),
];

/** In steps of an item. `itemsPerBlock`: about how many; decides how finely time is divided. */
export function* packByInterval(
  items: readonly PageItem[],
  requests: number,
  pagesPerBlock: number,
  itemsPerBlock: number,
  order: ItemOrder,
): Steps<Packing> {
  const blocks = new BlocksOverTime(pagesPerBlock, requests, leavesFor(itemsPerBlock));
  const packing: (readonly Piece[])[] = new Array(items.length).fill([]);
  const sequence = items.map((_, index) => index).sort((a, b) => order(items[a], items[b]));
  for (const index of sequence) {
    packing[index] = blocks.put(items[index]);
    yield;
  }
  return packing;
}

/** So many that a leaf has few items of a block. The tree of a block takes 256 bytes per leaf. */
const leavesFor = (itemsPerBlock: number): number =>
  Math.min(1024, Math.max(16, 2 ** Math.ceil(Math.log2(2 * itemsPerBlock))));

interface TimedBlock extends BlockState {
  readonly timeline: BlockTimeline;
}

class BlocksOverTime extends Blocks<TimedBlock> {
  readonly #requests: number;
  readonly #leaves: number;
  readonly #empty: Int32Array;
  readonly #used: Int32Array;

  constructor(pagesPerBlock: number, requests: number, leaves: number) {
    super(pagesPerBlock);
    this.#requests = requests;
    this.#leaves = leaves;
    this.#empty = emptyMask(pagesPerBlock);
    this.#used = emptyMask(pagesPerBlock);
  }

  /** How many pages are free depends on the time: freePages stays that of an empty block. */
  protected override emptyBlock(place: string): TimedBlock {
    const timeline = new BlockTimeline(this.pagesPerBlock, this.#requests, this.#leaves);
    return { place, freePages: this.pagesPerBlock, lastEnd: 0, timeline };
  }

  protected override usedDuring({ timeline }: TimedBlock, { start, end }: PageItem): Int32Array {
    this.#used.set(this.#empty);
    timeline.collect(start, end, this.#used);
    return this.#used;
  }

  /** Most blocks have no room even when the item comes, or just before it goes. So that is looked at first. */
  protected override freePlace(block: TimedBlock, item: PageItem): number {
    const { start, end, pages, align } = item;
    const used = this.#used;
    used.set(this.#empty);
    for (const at of [start, end - 1]) {
      block.timeline.collect(at, at + 1, used);
      if (findFree(used, this.pagesPerBlock, pages, align) === -1) return -1;
    }
    return super.freePlace(block, item);
  }

  put(item: PageItem): Piece[] {
    const pieces = this.place(item, lowestFirst);
    const masks = new Map<number, Int32Array>();
    for (const { block, first, pages } of pieces) {
      const mask = masks.get(block) ?? new Int32Array(this.#empty.length);
      mark(mask, first, pages, true);
      masks.set(block, mask);
    }
    for (const [block, mask] of masks) this.blocks[block].timeline.add(item.start, item.end, mask);
    return pieces;
  }
}
