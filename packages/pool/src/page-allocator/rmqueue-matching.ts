import type { Buddy } from './buddy.ts';
import { isMostlyAlike, type Rmqueue } from './rmqueue.ts';
import type { Zone } from './zone.ts';

/** Since 6.10 a pageblock's lists match its migratetype, so a chunk cannot change sides alone; each chunk is counted by itself. */
export abstract class MatchingRmqueue implements Rmqueue {
  protected readonly buddy: Buddy;

  constructor(buddy: Buddy) {
    this.buddy = buddy;
  }

  take(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    const found = this.buddy.takeSmallest(zone, order, type);
    return found >= 0 ? found : this.takeFallback(zone, order, type, isNofragment);
  }

  /** A chunk of another migratetype, counted, or -1. */
  protected abstract takeFallback(zone: Zone, order: number, type: number, isNofragment: boolean): number;

  fill(zone: Zone, order: number, type: number, isNofragment: boolean, wanted: number, list: number): number {
    let taken = 0;
    for (;;) {
      const own = this.buddy.takeMany(zone, order, type, wanted - taken, list);
      for (let each = 0; each < own; each++) zone.account(this.buddy.cpu, -(1 << order));
      taken += own;
      const pfn = taken < wanted ? this.takeFallback(zone, order, type, isNofragment) : -1;
      if (pfn < 0) return taken;
      this.buddy.lists.addTail(list, pfn);
      taken++;
    }
  }

  /** A chunk of a whole pageblock or more changes sides, and what is left of it serves the new type. */
  protected takeOver(zone: Zone, pfn: number, from: number, order: number, type: number): number {
    const { buddy } = this;
    zone.account(buddy.cpu, -(1 << from));
    buddy.setType(pfn, from, type);
    zone.account(buddy.cpu, buddy.takeFront(zone, pfn, order, type));
    return pfn;
  }

  /** Has the pageblock of a free chunk change sides if it is mostly free or alike, and serves the request from it; else -1. */
  protected claimBlock(zone: Zone, pfn: number, order: number, type: number): number {
    const { buddy } = this;
    const block = buddy.blockOf(pfn);
    if (!buddy.spansBlock(zone, block) || !isMostlyAlike(buddy, block, type)) return -1;
    buddy.moveFreePages(zone, block, type);
    buddy.setType(pfn, 0, type);
    return buddy.takeSmallest(zone, order, type);
  }

  /** page_del_and_expand(): takes the front of a chunk; the rest stays with its type. */
  protected takeFromOther(zone: Zone, pfn: number, order: number): number {
    this.buddy.takeFront(zone, pfn, order, this.buddy.lists.typeOf(pfn));
    zone.account(this.buddy.cpu, -(1 << order));
    return pfn;
  }
}
