/**
 * Per-CPU page lists (struct per_cpu_pages, mm/page_alloc.c): small chunks come from and go to lists of a CPU's own,
 * which are filled and emptied in batches. Their pages are free but in no free list: they count in no watermark, and
 * they do not merge.
 *
 * There is one CPU here. Its lists are empty at the start: how many pages a recorded machine had in them is known, but
 * not which. Lists of order 9 for transparent huge pages are left out, and batches and high marks do not adapt to
 * the load (free_factor in 6.x, alloc_factor, free_count and high_max in 7.x).
 */
import type { MemoryState } from '@decpool/model';
import { ORDINARY_TYPES, TYPE } from '../page-allocator/migratetypes.ts';
import type { Rmqueue } from './fallback.ts';
import type { FreeArea } from './free-area.ts';
import { FreeLists } from './free-lists.ts';

/** Highest order in the lists: PAGE_ALLOC_COSTLY_ORDER, include/linux/mmzone.h. */
const HIGHEST_ORDER = 3;
/** Pages in a MiB. */
const MIB_PAGES = 256;
const LISTS = (HIGHEST_ORDER + 1) * ORDINARY_TYPES;

/** zone_batchsize() for a zone of so many pages: pages moved at once between the lists and the zone. */
export function batchOf(managedPages: number): number {
  const batch = Math.max(1, Math.min(managedPages >> 10, MIB_PAGES) >> 2);
  const rounded = (1 << (31 - Math.clz32(batch + (batch >> 1)))) - 1;
  return Math.max(1, rounded);
}

/** zone_highsize() for one CPU: pages in the lists from which on a free empties a batch. */
export function highMarkOf(lowWatermark: number, batch: number): number {
  return Math.max(lowWatermark, batch * 4);
}

export class PerCpuLists {
  readonly #area: FreeArea;
  readonly #rmqueue: Rmqueue;
  readonly #lists: FreeLists;
  readonly #batches: Int32Array;
  readonly #highMarks: Float64Array;

  constructor(memory: MemoryState, area: FreeArea, rmqueue: Rmqueue) {
    this.#area = area;
    this.#rmqueue = rmqueue;
    this.#lists = new FreeLists(area.lists.orderOf.length, memory.zones.length, area.pageblockOrder);
    this.#batches = Int32Array.from(memory.zones, ({ ram }) =>
      batchOf(ram.reduce((sum, [, pages]) => sum + pages, 0)),
    );
    this.#highMarks = Float64Array.from(memory.zones, ({ lowWatermark }, zone) =>
      highMarkOf(lowWatermark, this.#batches[zone]),
    );
  }

  /** Pages in all lists. */
  get pages(): number {
    return this.#lists.freePages;
  }

  /** Whether the lists serve such requests: pcp_allowed_order(). */
  serves(order: number, type: number): boolean {
    return order <= HIGHEST_ORDER && type < ORDINARY_TYPES;
  }

  /** Whether a range of 2^order pages lies in a chunk of the lists. */
  covers(pfn: number, order: number): boolean {
    return this.#lists.covers(pfn, order);
  }

  /** rmqueue_pcplist(): the first of the list, filled from the zone when it is empty; -1 when that has none either. */
  claim(zone: number, order: number, type: number, isNofragment: boolean): number {
    let pfn = this.#lists.first(zone, order, type);
    if (pfn < 0) {
      this.#fill(zone, order, type, isNofragment);
      pfn = this.#lists.first(zone, order, type);
    }
    if (pfn >= 0) this.#lists.remove(zone, pfn);
    return pfn;
  }

  /** rmqueue_bulk(). */
  #fill(zone: number, order: number, type: number, isNofragment: boolean): void {
    const batch = this.#batches[zone];
    const wanted = batch > 1 ? Math.max(batch >> order, 2) : 1;
    for (let chunk = 0; chunk < wanted; chunk++) {
      const pfn = this.#rmqueue.take(zone, order, type, isNofragment);
      if (pfn < 0) return;
      this.#lists.add(zone, pfn, order, type, true);
    }
  }

  /** free_unref_page(): returns false for a chunk that the lists do not take. */
  free(zone: number, pfn: number, order: number): boolean {
    const pageblockType = this.#area.typeOf(this.#area.blockOf(pfn));
    if (order > HIGHEST_ORDER || pageblockType === TYPE.Isolate) return false;
    const type = pageblockType < ORDINARY_TYPES ? pageblockType : TYPE.Movable;
    this.#lists.add(zone, pfn, order, type, false);
    if (this.#lists.freePagesOf[zone] >= this.#highMarks[zone]) {
      this.#empty(zone, this.#batches[zone], order * ORDINARY_TYPES + type);
    }
    return true;
  }

  /** free_pcppages_bulk(): the oldest chunks of one list after the other go back to the zone. */
  #empty(zone: number, pages: number, firstList: number): void {
    let left = Math.min(pages, this.#lists.freePagesOf[zone]);
    for (let list = firstList; left > 0; list = (list + 1) % LISTS) {
      const order = Math.floor(list / ORDINARY_TYPES);
      const type = list % ORDINARY_TYPES;
      for (
        let pfn = this.#lists.last(zone, order, type);
        pfn >= 0 && left > 0;
        pfn = this.#lists.last(zone, order, type)
      ) {
        this.#lists.remove(zone, pfn);
        this.#area.free(zone, pfn, order);
        left -= 1 << order;
      }
    }
  }

  /** drain_all_pages(): all lists go back to their zones. Returns whether there was anything in them. */
  drain(): boolean {
    const hadPages = this.pages > 0;
    for (let zone = 0; zone < this.#batches.length; zone++) {
      this.#empty(zone, this.#lists.freePagesOf[zone], 0);
    }
    return hadPages;
  }
}
