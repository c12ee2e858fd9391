import { orderFor } from '@decpool/model';
import type { FreeMap } from './free-map.ts';
import { MaxTree } from './max-tree.ts';
import type { Placement } from './placement.ts';

/**
 * As gen_pool_first_fit_order_align() in lib/genalloc.c, which the kernel's atomic DMA pools use: the first place in the
 * first chunk that fits, aligned to the request's size rounded up to a power of two. gen_pool_add_owner() puts a new chunk at
 * the head of the list, so the block that was claimed last is searched first, not the lowest.
 */
export function genpoolFirstFitOrderAlign(map: FreeMap): Placement {
  const byAge = new NewestFirst(map);
  return {
    name: 'genpool-first-fit-order-align',
    place(pages, align, { firstBlock, endBlock }) {
      const alignment = Math.max(align, 1 << orderFor(pages));
      for (let slot = byAge.firstSlot(pages); slot >= 0; slot = byAge.firstSlot(pages, slot + 1)) {
        const block = byAge.blockAt(slot);
        if (block < firstBlock || block >= endBlock) continue;
        const found = map.findInBlock(block, pages, alignment);
        if (found !== -1) return found;
      }
      return -1;
    },
  };
}

const NO_SLOT = -1;

/** The pool's blocks in the order in which they came, the newest first, with their largest free runs. */
class NewestFirst {
  readonly #slotOf: Int32Array;
  readonly #blockAt: Int32Array;
  readonly #largest: MaxTree;
  /** The slot of the newest block; slots are given from the end on, and anew when there are no more. */
  #newest: number;

  constructor(map: FreeMap) {
    const slots = 2 * map.blocks;
    this.#slotOf = new Int32Array(map.blocks).fill(NO_SLOT);
    this.#blockAt = new Int32Array(slots).fill(-1);
    this.#largest = new MaxTree(slots);
    this.#newest = slots;
    map.listen({
      blockChanged: (block) => {
        const isGone = map.largest[block] === 0 && map.extents[block] === 0;
        if (isGone) this.#forget(block);
        else {
          if (this.#slotOf[block] === NO_SLOT) this.#add(block, map);
          this.#largest.set(this.#slotOf[block], map.largest[block]);
        }
      },
    });
  }

  blockAt(slot: number): number {
    return this.#blockAt[slot];
  }

  /** The next slot from `from` on whose block has a free run of so many pages, or -1. */
  firstSlot(pages: number, from = 0): number {
    return this.#largest.firstAtLeast(pages, from);
  }

  #forget(block: number): void {
    const slot = this.#slotOf[block];
    if (slot === NO_SLOT) return;
    this.#largest.set(slot, 0);
    this.#blockAt[slot] = -1;
    this.#slotOf[block] = NO_SLOT;
  }

  #add(block: number, map: FreeMap): void {
    if (this.#newest === 0) this.#renumber(map);
    this.#newest--;
    this.#slotOf[block] = this.#newest;
    this.#blockAt[this.#newest] = block;
  }

  /** Half of the slots at least are empty: moves the others to the end, in their order. */
  #renumber(map: FreeMap): void {
    let to = this.#blockAt.length;
    for (let slot = this.#blockAt.length - 1; slot >= 0; slot--) {
      const block = this.#blockAt[slot];
      this.#largest.set(slot, 0);
      this.#blockAt[slot] = -1;
      if (block === -1) continue;
      to--;
      this.#blockAt[to] = block;
      this.#slotOf[block] = to;
      this.#largest.set(to, map.largest[block]);
    }
    this.#newest = to;
  }
}
