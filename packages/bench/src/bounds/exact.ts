/**
 * All ways to spread a few items over blocks. Whether items fit in a block is found by placing them in every order, each as
 * low as it goes. If they fit at all, they fit in the order of their addresses.
 */
import type { PageItem } from './items.ts';
import type { Moments } from './moments.ts';
import { emptyMask, findFree, mark } from './page-mask.ts';
import { type Plan, planOf } from './plan.ts';

/** There are 4,140 ways to divide eight items. */
const MAX_ITEMS = 8;

/** A plan for each way. Undefined for more items, items in pieces, items larger than a block, and different places. */
export function exactPlans(
  items: readonly PageItem[],
  pagesPerBlock: number,
  moments: Moments,
): Plan[] | undefined {
  const isSimple = items.every(
    ({ align, pages, place }) => align > 0 && pages <= pagesPerBlock && place === items[0].place,
  );
  if (items.length > MAX_ITEMS || !isSimple) return undefined;
  const fit = new BlockFit(items, pagesPerBlock);
  const plans: Plan[] = [];
  /** Sets of items, one a block, as bits. */
  const blocks: number[] = [];
  const spread = (item: number) => {
    if (item === items.length) {
      plans.push(planOf(items, fit.packing(blocks), moments));
      return;
    }
    for (let block = 0; block <= blocks.length; block++) {
      const before = blocks[block] ?? 0;
      const after = before | (1 << item);
      if (fit.offsets(after) === undefined) continue;
      blocks[block] = after;
      spread(item + 1);
      if (before === 0) {
        blocks.pop();
        return;
      }
      blocks[block] = before;
    }
  };
  spread(0);
  return plans;
}

/** Which sets of items fit a block, and where they lie in it. */
class BlockFit {
  readonly #items: readonly PageItem[];
  readonly #pagesPerBlock: number;
  readonly #known = new Map<number, ReadonlyMap<number, number> | undefined>();

  constructor(items: readonly PageItem[], pagesPerBlock: number) {
    this.#items = items;
    this.#pagesPerBlock = pagesPerBlock;
  }

  packing(blocks: readonly number[]) {
    return this.#items.map(({ pages }, item) => {
      const block = blocks.findIndex((set) => (set & (1 << item)) !== 0);
      return [{ block, first: this.offsets(blocks[block])?.get(item) ?? 0, pages }];
    });
  }

  /** First page of each item of a set, or undefined when they do not fit together. */
  offsets(set: number): ReadonlyMap<number, number> | undefined {
    if (!this.#known.has(set)) this.#known.set(set, this.#putDown(set, new Map()));
    return this.#known.get(set);
  }

  #putDown(set: number, placed: ReadonlyMap<number, number>): ReadonlyMap<number, number> | undefined {
    if (set === 0) return placed;
    for (let item = 0; 1 << item <= set; item++) {
      if ((set & (1 << item)) === 0) continue;
      const first = this.#lowest(item, placed);
      if (first === -1) continue;
      const all = this.#putDown(set & ~(1 << item), new Map(placed).set(item, first));
      if (all !== undefined) return all;
    }
    return undefined;
  }

  #lowest(item: number, placed: ReadonlyMap<number, number>): number {
    const { start, end, pages, align } = this.#items[item];
    const mask = emptyMask(this.#pagesPerBlock);
    for (const [index, first] of placed) {
      const other = this.#items[index];
      if (other.start < end && start < other.end) mark(mask, first, other.pages, true);
    }
    return findFree(mask, this.#pagesPerBlock, pages, align);
  }
}
