/**
 * The buddy allocator itself: chunks are split downward (expand) and merged upward (__free_one_page), pageblocks have a
 * migratetype and may change it. All of it is in mm/page_alloc.c.
 */
import { MAX_PAGE_ORDER } from '@decpool/model';
import { ChunkLists, TYPES } from './chunk-lists.ts';
import { isMergeable } from './migratetypes.ts';
import type { Zone } from './zone.ts';

export class Buddy {
  readonly lists: ChunkLists;
  readonly pageblockOrder: number;
  readonly pageblockPages: number;
  /** Migratetype of each pageblock. */
  readonly #typeOf: Uint8Array;
  /** Free pages of each pageblock in buddy lists. */
  readonly freePagesIn: Int32Array;
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
    this.freePagesIn = new Int32Array(this.#typeOf.length);
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

  /** Puts a chunk that is free at the start to the tail of its list; who starts counts NR_FREE_PAGES. */
  addAtStart(zone: number, order: number, type: number, pfn: number): void {
    this.lists.addTail(this.lists.list(zone, order, type), pfn);
    this.#countFree(pfn, 1 << order, 1);
  }

  /** Pages from the first of a chunk on; `sign` -1: they are free no more. */
  #countFree(pfn: number, pages: number, sign: number): void {
    let block = pfn >> this.pageblockOrder;
    let left = pages;
    for (; left > this.pageblockPages; left -= this.pageblockPages) {
      this.freePagesIn[block++] += sign * this.pageblockPages;
    }
    this.freePagesIn[block] += sign * left;
  }

  /** __rmqueue_smallest() without the count of NR_FREE_PAGES: 6.1 counts what it took afterwards. */
  takeSmallestUncounted(zone: Zone, order: number, type: number): number {
    const { lists } = this;
    const current = lists.smallestOrder(zone.index, order, type);
    if (current < 0) return -1;
    const pfn = lists.removeFirst(lists.list(zone.index, current, type));
    this.#expand(zone, pfn, current, order, type);
    return pfn;
  }

  /** __rmqueue_smallest(). */
  takeSmallest(zone: Zone, order: number, type: number): number {
    const pfn = this.takeSmallestUncounted(zone, order, type);
    if (pfn >= 0) zone.account(this.cpu, -(1 << order));
    return pfn;
  }

  /**
   * Takes as many chunks as takeSmallestUncounted() would one after the other, at most `wanted`, to the tail of a per-CPU
   * list. What it breaks up it takes in one go: all its parts would come next, in order of their addresses. Returns how many.
   */
  takeMany(zone: Zone, order: number, type: number, wanted: number, perCpuList: number): number {
    const { lists } = this;
    let left = wanted;
    while (left > 0) {
      const current = lists.smallestOrder(zone.index, order, type);
      if (current < 0) break;
      const pfn = lists.removeFirst(lists.list(zone.index, current, type));
      const chunks = Math.min(left, 1 << (current - order));
      const end = chunks << order;
      for (let at = 0; at < end; at += 1 << order) lists.addTail(perCpuList, pfn + at);
      this.#countFree(pfn, end, -1);
      for (let at = end; at < 1 << current; ) {
        const rest = 31 - Math.clz32(at & -at);
        lists.addHead(lists.list(zone.index, rest, type), pfn + at);
        at += 1 << rest;
      }
      left -= chunks;
    }
    return wanted - left;
  }

  /**
   * Takes 2^order pages from the front of a free chunk; the upper halves go to the lower lists of `type`. Returns how
   * many pages the upper halves have.
   */
  takeFront(zone: Zone, pfn: number, order: number, type: number): number {
    const current = this.lists.buddyOrder(pfn);
    this.lists.remove(pfn);
    this.#expand(zone, pfn, current, order, type);
    return (1 << current) - (1 << order);
  }

  /** expand(). */
  #expand(zone: Zone, pfn: number, from: number, order: number, type: number): void {
    this.#countFree(pfn, 1 << order, -1);
    for (let current = from - 1; current >= order; current--) {
      this.lists.addHead(this.lists.list(zone.index, current, type), pfn + (1 << current));
    }
  }

  /** Takes a free chunk as it is: __isolate_free_page(). Returns its order. */
  takeChunk(zone: Zone, pfn: number): number {
    const order = this.lists.buddyOrder(pfn);
    this.lists.remove(pfn);
    this.#countFree(pfn, 1 << order, -1);
    zone.account(this.cpu, -(1 << order));
    return order;
  }

  /** Takes a whole free pageblock out of the chunks that it lies in: one larger chunk, or several smaller ones. */
  takeBlock(zone: Zone, block: number): void {
    const { lists, pageblockPages, pageblockOrder } = this;
    const start = block * pageblockPages;
    const pair = start & ~(2 * pageblockPages - 1);
    if (lists.buddyOrder(pair) <= pageblockOrder) {
      for (let pfn = start; pfn < start + pageblockPages; ) pfn += 1 << this.takeChunk(zone, pfn);
      return;
    }
    const type = lists.typeOf(pair);
    lists.remove(pair);
    const other = start === pair ? pair + pageblockPages : pair;
    lists.addHead(lists.list(zone.index, pageblockOrder, type), other);
    this.#countFree(start, pageblockPages, -1);
    zone.account(this.cpu, -pageblockPages);
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

  /**
   * __free_one_page(): merges a chunk with its free buddies as far as it goes, and puts it on a list of `type`: at the tail
   * if its parent's buddy is free, so that it is used last (buddy_merge_likely()).
   */
  freeOne(zone: Zone, pfn: number, order: number, type: number): void {
    zone.account(this.cpu, 1 << order);
    this.#merge(zone, pfn, order, type);
  }

  /** Frees chunks of `order` one after the other that make up an aligned one of order `merged`, in order of their addresses. */
  freeRun(zone: Zone, pfn: number, order: number, merged: number, type: number): void {
    for (let each = 0; each < 1 << (merged - order); each++) zone.account(this.cpu, 1 << order);
    this.#merge(zone, pfn, merged, type);
  }

  #merge(zone: Zone, pfn: number, order: number, type: number): void {
    const { lists } = this;
    this.#countFree(pfn, 1 << order, 1);
    let merged = pfn;
    let current = order;
    let list = lists.list(zone.index, order, 0);
    while (current < MAX_PAGE_ORDER) {
      const buddy = merged ^ (1 << current);
      if (!lists.isBuddy(buddy, list)) break;
      if (current >= this.pageblockOrder && !this.#joins(buddy, current, type)) break;
      lists.remove(buddy);
      merged &= buddy;
      current++;
      list += TYPES;
    }
    const parentsBuddy = (merged & ~(1 << current)) ^ (1 << (current + 1));
    if (current < MAX_PAGE_ORDER - 1 && lists.isBuddy(parentsBuddy, list + TYPES)) {
      lists.addTail(list + type, merged);
    } else lists.addHead(list + type, merged);
  }

  /** Whether a whole free pageblock may merge with one of a migratetype. */
  #joins(buddy: number, order: number, type: number): boolean {
    const other = this.typeOf(buddy);
    if (other === type) return true;
    if (!isMergeable(other) || !isMergeable(type)) return false;
    if (this.#matchesBuddies) this.setType(buddy, order, type);
    return true;
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
