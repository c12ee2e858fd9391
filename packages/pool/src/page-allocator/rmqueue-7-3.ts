import { MAX_PAGE_ORDER } from '@decpool/model';
import { fallbackOf, lowestFallback, mayClaimBlock } from './rmqueue.ts';
import { MatchingRmqueue } from './rmqueue-matching.ts';
import type { Zone } from './zone.ts';

/**
 * Since 6.15: __rmqueue_claim() goes from the largest chunks down and takes over the first pageblock that is mostly free or
 * alike. If there is none, __rmqueue_steal() takes the smallest chunk that suffices. A bulk request remembers that it had to steal.
 */
export class Rmqueue73 extends MatchingRmqueue {
  take(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    const found = this.buddy.takeSmallest(zone, order, type);
    if (found >= 0) return found;
    const claimed = this.#claim(zone, order, type, isNofragment);
    return claimed >= 0 || isNofragment ? claimed : this.#steal(zone, order, type);
  }

  override fill(
    zone: Zone,
    order: number,
    type: number,
    isNofragment: boolean,
    wanted: number,
    list: number,
  ): number {
    let taken = 0;
    let steals = false;
    for (; taken < wanted; taken++) {
      let pfn = -1;
      if (!steals) {
        pfn = this.buddy.takeSmallest(zone, order, type);
        if (pfn < 0) pfn = this.#claim(zone, order, type, isNofragment);
      }
      if (pfn < 0 && !isNofragment) {
        pfn = this.#steal(zone, order, type);
        steals = pfn >= 0;
      }
      if (pfn < 0) break;
      this.buddy.lists.addTail(list, pfn);
    }
    return taken;
  }

  /** __rmqueue_claim(). */
  #claim(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    const lowest = lowestFallback(this.buddy, order, isNofragment);
    for (let current = MAX_PAGE_ORDER; current >= lowest; current--) {
      if (!mayClaimBlock(this.buddy, current, type)) return -1;
      const pfn = fallbackOf(this.buddy, zone, current, type);
      if (pfn < 0) continue;
      if (current >= this.buddy.pageblockOrder) return this.takeOver(zone, pfn, current, order, type);
      zone.boostWatermark(this.buddy.pageblockPages);
      const claimed = this.claimBlock(zone, pfn, order, type);
      if (claimed >= 0) return claimed;
    }
    return -1;
  }

  /** __rmqueue_steal(). */
  #steal(zone: Zone, order: number, type: number): number {
    for (let current = order; current <= MAX_PAGE_ORDER; current++) {
      const pfn = fallbackOf(this.buddy, zone, current, type);
      if (pfn >= 0) return this.takeFromOther(zone, pfn, order);
    }
    return -1;
  }
}
