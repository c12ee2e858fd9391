import { MAX_PAGE_ORDER } from '@decpool/model';
import { fallbackOf, lowestFallback, mayClaimBlock } from './rmqueue.ts';
import { MatchingRmqueue } from './rmqueue-matching.ts';
import type { Zone } from './zone.ts';

/**
 * Since 6.15: __rmqueue_claim() goes from the largest chunks down and takes over the first pageblock that is mostly free or
 * alike. If there is none, __rmqueue_steal() takes the smallest chunk that suffices. A bulk request remembers that it had to steal.
 */
export class Rmqueue73 extends MatchingRmqueue {
  override take(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    const found = super.take(zone, order, type, isNofragment);
    return found >= 0 || isNofragment ? found : this.#steal(zone, order, type);
  }

  override fill(
    zone: Zone,
    order: number,
    type: number,
    isNofragment: boolean,
    wanted: number,
    list: number,
  ): number {
    let taken = super.fill(zone, order, type, isNofragment, wanted, list);
    if (isNofragment) return taken;
    for (; taken < wanted; taken++) {
      const pfn = this.#steal(zone, order, type);
      if (pfn < 0) break;
      this.buddy.lists.addTail(list, pfn);
    }
    return taken;
  }

  /** __rmqueue_claim(). */
  protected takeFallback(zone: Zone, order: number, type: number, isNofragment: boolean): number {
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
