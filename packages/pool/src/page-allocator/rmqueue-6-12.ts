import { MAX_PAGE_ORDER } from '@decpool/model';
import { fallbackOf, fallbackOrder6, mayClaimBlock } from './rmqueue.ts';
import { MatchingRmqueue } from './rmqueue-matching.ts';
import type { Zone } from './zone.ts';

/** From 6.10 to 6.14: the order of the search is that of 6.1, but a pageblock that is not taken over gives a single chunk. */
export class Rmqueue612 extends MatchingRmqueue {
  protected takeFallback(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    const from = fallbackOrder6(this.buddy, zone, order, type, isNofragment, MAX_PAGE_ORDER);
    if (from < 0) return -1;
    const pfn = fallbackOf(this.buddy, zone, from, type);
    if (from >= this.buddy.pageblockOrder) return this.takeOver(zone, pfn, from, order, type);
    zone.boostWatermark(this.buddy.pageblockPages);
    const claimed = mayClaimBlock(this.buddy, from, type) ? this.claimBlock(zone, pfn, order, type) : -1;
    return claimed >= 0 ? claimed : this.takeFromOther(zone, pfn, order);
  }
}
