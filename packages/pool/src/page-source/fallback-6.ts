import { MAX_PAGE_ORDER } from '@decpool/model';
import { fallbackOf, isMostlyAlike, mayClaimBlock, type Rmqueue } from './fallback.ts';
import type { FreeArea } from './free-area.ts';

/**
 * As in 6.1 (from 6.10 to 6.14 a single chunk is taken without moving it to the other list, which is not told apart):
 * __rmqueue_fallback() takes the largest chunk of another migratetype, so that what is broken up is
 * broken up once, and moves the rest of its pageblock along where that pays (steal_suitable_fallback). The chunk
 * itself changes sides in any case, so the next request finds what this one left.
 */
export class Kernel6 implements Rmqueue {
  readonly #area: FreeArea;

  constructor(area: FreeArea) {
    this.#area = area;
  }

  take(zone: number, order: number, type: number, isNofragment: boolean): number {
    const found = this.#area.takeSmallest(zone, order, type);
    if (found >= 0) return found;
    const lowest = isNofragment ? Math.max(order, this.#area.pageblockOrder) : order;
    return this.#fallback(zone, order, lowest, type) ? this.#area.takeSmallest(zone, order, type) : -1;
  }

  /** __rmqueue_fallback(). Returns whether there is something to take now. */
  #fallback(zone: number, order: number, lowest: number, type: number): boolean {
    let current = MAX_PAGE_ORDER;
    while (current >= lowest && fallbackOf(this.#area, zone, current, type) < 0) current--;
    if (current < lowest) return false;
    if (!mayClaimBlock(this.#area, current, type)) {
      // The rest of the pageblock would not come along: then break up the smallest chunk instead.
      current = order;
      while (fallbackOf(this.#area, zone, current, type) < 0) current++;
    }
    this.#steal(zone, fallbackOf(this.#area, zone, current, type), current, type);
    return true;
  }

  /** steal_suitable_fallback(). */
  #steal(zone: number, pfn: number, order: number, type: number): void {
    const block = this.#area.blockOf(pfn);
    if (order >= this.#area.pageblockOrder) {
      this.#area.setType(pfn, order, type);
    } else if (mayClaimBlock(this.#area, order, type)) {
      const changesSides = isMostlyAlike(this.#area, block, type);
      this.#area.moveFreePages(zone, block, type);
      if (changesSides) this.#area.setType(pfn, order, type);
      return;
    }
    this.#area.moveChunk(zone, pfn, type);
  }
}
