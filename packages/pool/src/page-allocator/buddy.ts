/**
 * The buddy allocator itself: chunks are split downward (expand) and merged upward (__free_one_page), pageblocks have a
 * migratetype and may change it. All of it is in mm/page_alloc.c.
 */
import { MAX_PAGE_ORDER } from '@decpool/model';
import { ChunkLists } from './chunk-lists.ts';
import { isMergeable } from './migratetypes.ts';
import type { Zone } from './zone.ts';

export class Buddy {
  readonly lists: ChunkLists;
  readonly pageblockOrder: number;
  readonly pageblockPages: number;
  /** Migratetype of each pageblock. */
  readonly #typeOf: Uint8Array;
  /** Pages in use of each pageblock that can move, at the start: those on LRU lists. */
  readonly movableIn: Uint16Array;
  /** CPU that works now: its changes of counters are collected apart. */
  cpu = 0;
  /** Before 6.10 a pageblock keeps its type when its chunk merges with one of another type. */
  readonly #matchesBuddies: boolean;

  constructor(options: {
    readonly spanPages: number;
    readonly zones: number;
    readonly cpus: number;
    readonly pageblockOrder: number;
    readonly matchesBuddies: boolean;
    readonly defaultType: number;
  }) {
    const { spanPages, zones, cpus, pageblockOrder, matchesBuddies, defaultType } = options;
    this.pageblockOrder = pageblockOrder;
    this.pageblockPages = 1 << pageblockOrder;
    this.lists = new ChunkLists(spanPages, zones, cpus, pageblockOrder);
    this.#typeOf = new Uint8Array(spanPages >>> pageblockOrder).fill(defaultType);
    this.movableIn = new Uint16Array(this.#typeOf.length);
    this.#matchesBuddies = matchesBuddies;
  }

  blockOf(pfn: number): number {
    return pfn >> this.pageblockOrder;
  }

  /** get_pfnblock_migratetype(). */
  typeOf(pfn: number): number {
    return this.#typeOf[pfn >> this.pageblockOrder];
  }

  /** change_pageblock_range(): the migratetype of the pageblocks that a chunk lies in. */
  setType(pfn: number, order: number, type: number): void {
    const block = this.blockOf(pfn);
    this.#typeOf.fill(type, block, block + Math.max(1, (1 << order) >> this.pageblockOrder));
  }

  /** First page of the smallest chunk that suffices, still in its list; -1 when no list of the migratetype has one. */
  #smallest(zone: Zone, order: number, type: number): number {
    for (let current = order; current <= MAX_PAGE_ORDER; current++) {
      const pfn = this.lists.first(this.lists.list(zone.index, current, type));
      if (pfn >= 0) return pfn;
    }
    return -1;
  }

  /** __rmqueue_smallest() without the count of NR_FREE_PAGES: 6.1 counts what it took afterwards. */
  takeSmallestUncounted(zone: Zone, order: number, type: number): number {
    const pfn = this.#smallest(zone, order, type);
    if (pfn >= 0) this.takeFront(zone, pfn, order, type);
    return pfn;
  }

  /** __rmqueue_smallest(). */
  takeSmallest(zone: Zone, order: number, type: number): number {
    const pfn = this.takeSmallestUncounted(zone, order, type);
    if (pfn >= 0) zone.account(this.cpu, -(1 << order));
    return pfn;
  }

  /**
   * Takes 2^order pages from the front of a free chunk; the upper halves go to the lower lists of `type` (expand). Returns how
   * many pages the upper halves have.
   */
  takeFront(zone: Zone, pfn: number, order: number, type: number): number {
    let current = this.lists.buddyOrder(pfn);
    const rest = (1 << current) - (1 << order);
    this.lists.remove(pfn);
    while (current > order) {
      current--;
      this.lists.addHead(this.lists.list(zone.index, current, type), pfn + (1 << current));
    }
    return rest;
  }

  /** Frees a chunk that is in no list: free_one_page(), which since 6.10 frees no more than a pageblock at once. */
  free(zone: Zone, pfn: number, order: number): void {
    if (!this.#matchesBuddies || order <= this.pageblockOrder) {
      this.freeOne(zone, pfn, order, this.typeOf(pfn));
      return;
    }
    for (let at = pfn; at < pfn + (1 << order); at += this.pageblockPages) {
      this.freeOne(zone, at, this.pageblockOrder, this.typeOf(at));
    }
  }

  /** __free_one_page(): merges a chunk with its free buddies as far as it goes, and puts it on a list of `type`. */
  freeOne(zone: Zone, pfn: number, order: number, type: number): void {
    zone.account(this.cpu, 1 << order);
    let merged = pfn;
    while (order < MAX_PAGE_ORDER) {
      const buddy = merged ^ (1 << order);
      if (!this.lists.isBuddy(buddy, zone.index, order)) break;
      if (order >= this.pageblockOrder && !this.#joins(buddy, order, type)) break;
      this.lists.remove(buddy);
      merged &= buddy;
      order++;
    }
    const list = this.lists.list(zone.index, order, type);
    if (this.#mayMergeSoon(zone, merged, order)) this.lists.addTail(list, merged);
    else this.lists.addHead(list, merged);
  }

  /** Whether a whole free pageblock may merge with one of a migratetype. */
  #joins(buddy: number, order: number, type: number): boolean {
    const other = this.typeOf(buddy);
    if (other === type) return true;
    if (!isMergeable(other) || !isMergeable(type)) return false;
    if (this.#matchesBuddies) this.setType(buddy, order, type);
    return true;
  }

  /** buddy_merge_likely(): a chunk whose parent's buddy is free goes to the tail, to be used last. */
  #mayMergeSoon(zone: Zone, pfn: number, order: number): boolean {
    if (order >= MAX_PAGE_ORDER - 1) return false;
    const parent = pfn & ~(1 << order);
    return this.lists.isBuddy(parent ^ (1 << (order + 1)), zone.index, order + 1);
  }

  /** move_to_free_list(): to the tail, so that what was moved is not served first. */
  moveChunk(zone: Zone, pfn: number, type: number): void {
    const order = this.lists.buddyOrder(pfn);
    this.lists.remove(pfn);
    this.lists.addTail(this.lists.list(zone.index, order, type), pfn);
  }

  /** move_freepages_block(): puts every free chunk of a pageblock on the lists of another migratetype. */
  moveFreePages(zone: Zone, block: number, type: number): void {
    const end = (block + 1) * this.pageblockPages;
    for (let pfn = block * this.pageblockPages; pfn < end; ) {
      const order = this.lists.buddyOrder(pfn);
      if (order >= 0) this.moveChunk(zone, pfn, type);
      pfn += order < 0 ? 1 : 1 << order;
    }
  }

  /** Whether a zone spans all pages of a pageblock: only then does it move as a whole (prep_move_freepages_block). */
  spansBlock(zone: Zone, block: number): boolean {
    return zone.start <= block * this.pageblockPages && zone.end >= (block + 1) * this.pageblockPages;
  }
}
