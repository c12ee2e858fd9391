import { MAX_PAGE_ORDER } from '@decpool/model';
import { fallbackOf, isMostlyAlike, mayClaimBlock, type Rmqueue } from './fallback.ts';
import type { FreeArea } from './free-area.ts';

/**
 * Since 6.15 the lists of a pageblock always match its migratetype, so a chunk cannot change sides alone.
 * __rmqueue_claim() goes from the largest chunks down and takes over the first pageblock that is mostly free or alike.
 * Where there is none, __rmqueue_steal() takes the smallest chunk that suffices, and what is left of it stays where
 * it was; the next request steals again.
 */
export class Kernel7 implements Rmqueue {
  readonly #area: FreeArea;

  constructor(area: FreeArea) {
    this.#area = area;
  }

  take(zone: number, order: number, type: number, isNofragment: boolean): number {
    const own = this.#area.takeSmallest(zone, order, type);
    if (own >= 0) return own;
    const claimed = this.#claim(zone, order, type, isNofragment);
    return claimed >= 0 || isNofragment ? claimed : this.#steal(zone, order, type);
  }

  /** __rmqueue_claim(). */
  #claim(zone: number, order: number, type: number, isNofragment: boolean): number {
    const lowest = isNofragment ? Math.max(order, this.#area.pageblockOrder) : order;
    for (let current = MAX_PAGE_ORDER; current >= lowest; current--) {
      if (!mayClaimBlock(this.#area, current, type)) return -1;
      const pfn = fallbackOf(this.#area, zone, current, type);
      if (pfn >= 0 && this.#claimBlock(zone, pfn, current, type)) {
        return this.#area.takeSmallest(zone, order, type);
      }
    }
    return -1;
  }

  /** try_to_claim_block(). */
  #claimBlock(zone: number, pfn: number, order: number, type: number): boolean {
    if (order >= this.#area.pageblockOrder) {
      this.#area.moveChunk(zone, pfn, type);
    } else {
      const block = this.#area.blockOf(pfn);
      if (!isMostlyAlike(this.#area, block, type)) return false;
      this.#area.moveFreePages(zone, block, type);
    }
    this.#area.setType(pfn, order, type);
    return true;
  }

  /** __rmqueue_steal(). */
  #steal(zone: number, order: number, type: number): number {
    for (let current = order; current <= MAX_PAGE_ORDER; current++) {
      const pfn = fallbackOf(this.#area, zone, current, type);
      if (pfn < 0) continue;
      this.#area.take(zone, pfn, order, this.#area.lists.typeOf(pfn));
      return pfn;
    }
    return -1;
  }
}
