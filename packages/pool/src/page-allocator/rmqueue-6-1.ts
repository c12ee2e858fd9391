import { MAX_PAGE_ORDER } from '@decpool/model';
import type { Buddy } from './buddy.ts';
import { fallbackOf, fallbackOrder6, isMostlyAlike, mayClaimBlock, type Rmqueue } from './rmqueue.ts';
import type { Zone } from './zone.ts';

/**
 * As in 6.1: __rmqueue_fallback() takes the largest chunk of another migratetype, so that what is broken up is broken up once,
 * and moves the rest of its pageblock along if that pays (steal_suitable_fallback). The chunk itself changes sides in any case,
 * so the next request finds what this one left. NR_FREE_PAGES is counted once for all chunks taken.
 */
export class Rmqueue61 implements Rmqueue {
  readonly #buddy: Buddy;

  constructor(buddy: Buddy) {
    this.#buddy = buddy;
  }

  take(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    const pfn = this.#take(zone, order, type, isNofragment);
    if (pfn >= 0) zone.account(this.#buddy.cpu, -(1 << order));
    return pfn;
  }

  fill(zone: Zone, order: number, type: number, isNofragment: boolean, wanted: number, list: number): number {
    let taken = 0;
    do {
      taken += this.#buddy.takeMany(zone, order, type, wanted - taken, list);
    } while (taken < wanted && this.#fallback(zone, order, type, isNofragment));
    zone.account(this.#buddy.cpu, -(taken << order));
    return taken;
  }

  #take(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    const found = this.#buddy.takeSmallestUncounted(zone, order, type);
    if (found >= 0 || !this.#fallback(zone, order, type, isNofragment)) return found;
    return this.#buddy.takeSmallestUncounted(zone, order, type);
  }

  /** __rmqueue_fallback(). Returns whether there is something to take now. */
  #fallback(zone: Zone, order: number, type: number, isNofragment: boolean): boolean {
    const from = fallbackOrder6(this.#buddy, zone, order, type, isNofragment, MAX_PAGE_ORDER);
    if (from >= 0) this.#steal(zone, fallbackOf(this.#buddy, zone, from, type), from, type);
    return from >= 0;
  }

  /** steal_suitable_fallback(). */
  #steal(zone: Zone, pfn: number, order: number, type: number): void {
    const buddy = this.#buddy;
    if (order >= buddy.pageblockOrder) buddy.setType(pfn, order, type);
    else {
      zone.boostWatermark(buddy.pageblockPages);
      const block = buddy.blockOf(pfn);
      if (mayClaimBlock(buddy, order, type) && buddy.spansBlock(zone, block)) {
        const changesSides = isMostlyAlike(buddy, block, type);
        buddy.moveFreePages(zone, block, type);
        if (changesSides) buddy.setType(pfn, order, type);
        return;
      }
    }
    buddy.moveChunk(zone, pfn, type);
  }
}
