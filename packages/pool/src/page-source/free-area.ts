/**
 * The free lists together with what the pageblocks are: the plain half of the buddy allocator, which all the rest is
 * built on. Chunks are split downward (expand) and merged upward (__free_one_page), both in mm/page_alloc.c.
 */
import { type Geometry, InvariantError, MAX_PAGE_ORDER, type MemoryState } from '@decpool/model';
import { isMergeable, TYPE } from '../page-allocator/migratetypes.ts';
import { FreeLists } from './free-lists.ts';
import { guessPlacement } from './placement-guess.ts';
import { ZoneMap } from './zones.ts';

/** Of a zone by its index; far apart, so that no seed gives one zone what its neighbour seed gives another. */
export const seedOfZone = (seed: number, index: number) => (seed + index * 0x9e3779b1) | 0;

export class FreeArea {
  readonly zones: ZoneMap;
  readonly lists: FreeLists;
  readonly pageblockOrder: number;
  readonly pageblockPages: number;
  readonly misplaced: number;
  readonly dropped: number;
  /** Migratetype code of each pageblock. */
  readonly #typeOf: Uint8Array;
  /** Claimed pages of each pageblock. */
  readonly #claimedIn: Int32Array;
  readonly #matchesBuddies: boolean;

  /**
   * `seed` places the free chunks. With `matchesBuddies` a pageblock that merges with another takes over its
   * migratetype, as kernels do since 6.10; before, each kept its own.
   */
  constructor(memory: MemoryState, geometry: Geometry, seed: number, matchesBuddies: boolean) {
    this.pageblockPages = geometry.pagesPerBlock;
    this.pageblockOrder = Math.log2(geometry.pagesPerBlock);
    this.zones = new ZoneMap(memory, geometry);
    this.lists = new FreeLists(geometry.spanPages, memory.zones.length, this.pageblockOrder);
    this.#typeOf = new Uint8Array(geometry.spanPages / geometry.pagesPerBlock).fill(TYPE.Movable);
    this.#claimedIn = new Int32Array(this.#typeOf.length);
    this.#matchesBuddies = matchesBuddies;
    let misplaced = 0;
    let dropped = 0;
    for (const [index, zone] of memory.zones.entries()) {
      const guess = guessPlacement(zone, geometry, seedOfZone(seed, index));
      for (const [block, type] of guess.pageblocks) this.#typeOf[block] = type;
      for (const { pfn, order, type } of guess.chunks) this.lists.add(index, pfn, order, type, true);
      misplaced += guess.misplaced;
      dropped += guess.dropped;
    }
    this.misplaced = misplaced;
    this.dropped = dropped;
  }

  blockOf(pfn: number): number {
    return pfn >> this.pageblockOrder;
  }

  /** Migratetype code of a pageblock: get_pageblock_migratetype(). */
  typeOf(block: number): number {
    return this.#typeOf[block];
  }

  /** Sets the migratetype of the pageblocks that a chunk lies in: change_pageblock_range(). */
  setType(pfn: number, order: number, type: number): void {
    const block = this.blockOf(pfn);
    this.#typeOf.fill(type, block, block + Math.max(1, (1 << order) >> this.pageblockOrder));
  }

  /** Pages of a pageblock that somebody claimed and did not give back. */
  claimedIn(block: number): number {
    return this.#claimedIn[block];
  }

  /** Counts a chunk as claimed. */
  markClaimed(pfn: number, order: number): void {
    this.#countClaimed(pfn, order, 1);
  }

  /** Counts a chunk as no longer claimed. Throws InvariantError when it was not. */
  markGivenBack(pfn: number, order: number): void {
    if (this.#claimedIn[this.blockOf(pfn)] < Math.min(1 << order, this.pageblockPages)) {
      throw new InvariantError(`page ${pfn} is given back, but it was not claimed`);
    }
    this.#countClaimed(pfn, order, -1);
  }

  #countClaimed(pfn: number, order: number, sign: number): void {
    const block = this.blockOf(pfn);
    if (order <= this.pageblockOrder) {
      this.#claimedIn[block] += sign << order;
      return;
    }
    const end = block + (1 << (order - this.pageblockOrder));
    for (let each = block; each < end; each++) this.#claimedIn[each] += sign << this.pageblockOrder;
  }

  /** __rmqueue_smallest(): the smallest order that suffices, or -1 when no list of the migratetype has one. */
  takeSmallest(zone: number, order: number, type: number): number {
    for (let current = order; current <= MAX_PAGE_ORDER; current++) {
      const pfn = this.lists.first(zone, current, type);
      if (pfn < 0) continue;
      this.take(zone, pfn, order, type);
      return pfn;
    }
    return -1;
  }

  /** Takes 2^order pages from the front of a free chunk; the upper halves go to the lower lists of `type` (expand). */
  take(zone: number, pfn: number, order: number, type: number): void {
    let current = this.lists.orderOf[pfn];
    this.lists.remove(zone, pfn);
    while (current > order) {
      current--;
      this.lists.add(zone, pfn + (1 << current), current, type, false);
    }
  }

  /** __free_one_page(): merges a chunk with its free buddies as far as it goes, and puts it on its pageblock's list. */
  free(zone: number, pfn: number, order: number): void {
    const orderOf = this.lists.orderOf;
    const type = this.#typeOf[this.blockOf(pfn)];
    let merged = pfn;
    while (order < MAX_PAGE_ORDER) {
      const buddy = merged ^ (1 << order);
      if (orderOf[buddy] !== order || this.zones.zoneIndexOf(buddy) !== zone) break;
      if (order >= this.pageblockOrder && !this.#joins(buddy, order, type)) break;
      this.lists.remove(zone, buddy);
      merged &= buddy;
      order++;
    }
    this.lists.add(zone, merged, order, type, this.#mayMergeSoon(merged, order));
  }

  /** Whether a whole free pageblock may merge with one of a migratetype. */
  #joins(buddy: number, order: number, type: number): boolean {
    const other = this.#typeOf[this.blockOf(buddy)];
    if (other === type) return true;
    if (!isMergeable(other) || !isMergeable(type)) return false;
    if (this.#matchesBuddies) this.setType(buddy, order, type);
    return true;
  }

  /** buddy_merge_likely(): a chunk whose parent's buddy is free goes to the tail, to be used last. */
  #mayMergeSoon(pfn: number, order: number): boolean {
    if (order >= MAX_PAGE_ORDER - 1) return false;
    const parent = pfn & ~(1 << order);
    return this.lists.orderOf[parent ^ (1 << (order + 1))] === order + 1;
  }

  /** move_to_free_list(): to the tail, so that what was moved is not served first. */
  moveChunk(zone: number, pfn: number, type: number): void {
    const order = this.lists.orderOf[pfn];
    this.lists.remove(zone, pfn);
    this.lists.add(zone, pfn, order, type, true);
  }

  /** move_freepages_block(): puts every free chunk of a pageblock on another migratetype's lists. */
  moveFreePages(zone: number, block: number, type: number): void {
    const end = (block + 1) * this.pageblockPages;
    for (let pfn = block * this.pageblockPages; pfn < end; ) {
      const order = this.lists.orderOf[pfn];
      if (order < 0) {
        pfn++;
        continue;
      }
      this.moveChunk(zone, pfn, type);
      pfn += 1 << order;
    }
  }
}
