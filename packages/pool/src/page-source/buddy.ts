/**
 * Where a policy's pages come from: a buddy allocator like the kernel's (mm/page_alloc.c, 6.1), started from a
 * recorded or made-up free-list state. What is free at the start can be claimed; all else is in use for good.
 *
 * Modelled: zones from high to low with their low watermarks, smallest sufficient order first, splitting (expand), coalescing
 * (__free_one_page), a free list per migratetype, and stealing from other migratetypes when its own are empty
 * (__rmqueue_fallback). Not modelled: per-CPU lists, reclaim, compaction.
 */
import {
  type Geometry,
  InvariantError,
  MAX_PAGE_ORDER,
  type MemoryState,
  MIGRATETYPES,
  type Migratetype,
  type Pfn,
} from '@decpool/model';
import { FreeLists } from './free-lists.ts';
import { guessPlacement } from './placement-guess.ts';

export interface PageSource {
  /** Takes a free chunk of 2^order pages. Returns its first page, or -1 when no zone has one. */
  claim(order: number, migratetype: Migratetype): Pfn | -1;
  /** Frees a chunk of 2^order pages. Throws InvariantError when it lies in a free chunk, or is no RAM. */
  giveBack(pfn: Pfn, order: number): void;
  /** Pages in all free lists. */
  readonly freePages: number;
  /** Free chunks of a zone's migratetype, by order. */
  freeChunks(zone: string, migratetype: Migratetype): number[];
  /** Chunks of the memory state that the placement guess could not put inside a pageblock of their migratetype. */
  readonly misplaced: number;
  /** Chunks of the memory state that it could not place at all: the state contradicts itself. */
  readonly dropped: number;
}

const TYPE = Object.fromEntries(MIGRATETYPES.map((name, code) => [name, code])) as Record<
  Migratetype,
  number
>;

/** Where a migratetype looks when its own lists are empty: fallbacks[], mm/page_alloc.c. */
const FALLBACKS: Readonly<Record<number, readonly number[]>> = {
  [TYPE.Unmovable]: [TYPE.Reclaimable, TYPE.Movable],
  [TYPE.Movable]: [TYPE.Reclaimable, TYPE.Unmovable],
  [TYPE.Reclaimable]: [TYPE.Unmovable, TYPE.Movable],
};

const NO_ZONE = -1;

/** `seed` places the free chunks, whose counts alone are known. */
export function createPageSource(memory: MemoryState, geometry: Geometry, seed: number): PageSource {
  return new BuddyAllocator(memory, geometry, seed);
}

class BuddyAllocator implements PageSource {
  readonly misplaced: number;
  readonly dropped: number;
  readonly #zones: readonly string[];
  readonly #lists: FreeLists;
  /** Free pages that each zone keeps, and the same for when there is no choice. */
  readonly #lowWatermarks: Float64Array;
  readonly #noWatermarks: Float64Array;
  readonly #zoneOf: Int8Array;
  /** Migratetype of each pageblock. */
  readonly #typeOf: Uint8Array;
  readonly #pageblockPages: number;
  readonly #pageblockOrder: number;

  constructor(memory: MemoryState, geometry: Geometry, seed: number) {
    this.#zones = memory.zones.map((zone) => zone.name);
    this.#lowWatermarks = Float64Array.from(memory.zones, (zone) => zone.lowWatermark);
    this.#noWatermarks = new Float64Array(memory.zones.length);
    this.#lists = new FreeLists(geometry.spanPages, memory.zones.length);
    this.#pageblockPages = geometry.pagesPerBlock;
    this.#pageblockOrder = Math.log2(geometry.pagesPerBlock);
    const blocks = geometry.spanPages / geometry.pagesPerBlock;
    this.#zoneOf = new Int8Array(blocks).fill(NO_ZONE);
    this.#typeOf = new Uint8Array(blocks).fill(TYPE.Movable);
    let misplaced = 0;
    let dropped = 0;
    for (const [index, zone] of memory.zones.entries()) {
      for (const [start, pages] of zone.ram) {
        const first = Math.floor(start / geometry.pagesPerBlock);
        this.#zoneOf.fill(index, first, Math.ceil((start + pages) / geometry.pagesPerBlock));
      }
      const guess = guessPlacement(zone, geometry, seed + index);
      for (const [block, type] of guess.pageblocks) this.#typeOf[block] = type;
      for (const { pfn, order, type } of guess.chunks) this.#lists.add(index, pfn, order, type, true);
      misplaced += guess.misplaced;
      dropped += guess.dropped;
    }
    this.misplaced = misplaced;
    this.dropped = dropped;
  }

  get freePages(): number {
    return this.#lists.freePages;
  }

  freeChunks(zone: string, migratetype: Migratetype): number[] {
    const index = this.#zones.indexOf(zone);
    return Array.from({ length: MAX_PAGE_ORDER + 1 }, (_, order) =>
      this.#lists.count(index, order, TYPE[migratetype]),
    );
  }

  claim(order: number, migratetype: Migratetype): Pfn | -1 {
    const type = TYPE[migratetype];
    const found = this.#claimAbove(this.#lowWatermarks, order, type);
    // Nothing is reclaimed here, so when every zone is low each gives what it has.
    return found < 0 ? (this.#claimAbove(this.#noWatermarks, order, type) as Pfn | -1) : (found as Pfn);
  }

  /** get_page_from_freelist(): the highest zone that keeps its watermark and has a chunk. */
  #claimAbove(watermarks: Float64Array, order: number, type: number): number {
    // alloc_flags_nofragment(): where there is a Normal zone, every zone may serve without breaking up a foreign
    // pageblock before any zone does.
    const isNofragment = this.#zones[this.#zones.length - 1] === 'Normal';
    const wholePageblocks = Math.max(order, this.#pageblockOrder);
    for (let pass = isNofragment ? 0 : 1; pass < 2; pass++) {
      const lowestStolen = pass === 0 ? wholePageblocks : order;
      for (let zone = this.#zones.length - 1; zone >= 0; zone--) {
        if (this.#lists.freePagesOf[zone] - (1 << order) < watermarks[zone]) continue;
        let found = this.#claimSmallest(zone, order, type);
        if (found < 0 && this.#steal(zone, order, lowestStolen, type)) {
          found = this.#claimSmallest(zone, order, type);
        }
        if (found >= 0) return found;
      }
    }
    return -1;
  }

  /** __rmqueue_smallest(): the smallest order that suffices; the upper halves go to the lower lists. */
  #claimSmallest(zone: number, order: number, type: number): number {
    for (let current = order; current <= MAX_PAGE_ORDER; current++) {
      const pfn = this.#lists.first(zone, current, type);
      if (pfn < 0) continue;
      this.#lists.remove(zone, pfn);
      while (current > order) {
        current--;
        this.#lists.add(zone, pfn + (1 << current), current, type, false);
      }
      return pfn;
    }
    return -1;
  }

  /**
   * __rmqueue_fallback(): takes the largest chunk of another migratetype, so that what is broken up is broken up
   * once, and moves the rest of its pageblock along where that pays. Returns whether there is something to claim now.
   */
  #steal(zone: number, order: number, lowest: number, type: number): boolean {
    let current = MAX_PAGE_ORDER;
    while (current >= lowest && this.#fallback(zone, current, type) < 0) current--;
    if (current < lowest) return false;
    if (!this.#canSteal(current, type)) {
      // The rest of the pageblock would not come along: then break up the smallest chunk instead.
      current = order;
      while (this.#fallback(zone, current, type) < 0) current++;
    }
    this.#stealChunk(zone, this.#fallback(zone, current, type), current, type);
    return true;
  }

  /** find_suitable_fallback(): the chunk of `order` to take from another migratetype, or -1. */
  #fallback(zone: number, order: number, type: number): number {
    for (const other of FALLBACKS[type] ?? []) {
      const pfn = this.#lists.first(zone, order, other);
      if (pfn >= 0) return pfn;
    }
    return -1;
  }

  /** can_steal_fallback(). */
  #canSteal(order: number, type: number): boolean {
    return order >= this.#pageblockOrder >> 1 || type === TYPE.Unmovable || type === TYPE.Reclaimable;
  }

  /** steal_suitable_fallback(). */
  #stealChunk(zone: number, pfn: number, order: number, type: number): void {
    const block = Math.floor(pfn / this.#pageblockPages);
    if (order >= this.#pageblockOrder) {
      this.#typeOf.fill(type, block, block + (1 << (order - this.#pageblockOrder)));
    } else if (this.#canSteal(order, type)) {
      // None of its used pages is known to suit the new type, so the free ones alone must make half of it.
      const moved = this.#moveFreePages(zone, block, type);
      if (moved >= this.#pageblockPages / 2) this.#typeOf[block] = type;
      return;
    }
    this.#moveChunk(zone, pfn, type);
  }

  /** move_to_free_list(): to the tail, so that what was moved is not served first. */
  #moveChunk(zone: number, pfn: number, type: number): void {
    const order = this.#lists.orderOf[pfn];
    this.#lists.remove(zone, pfn);
    this.#lists.add(zone, pfn, order, type, true);
  }

  /** move_freepages_block(): puts every free chunk of a pageblock on another migratetype's lists. */
  #moveFreePages(zone: number, block: number, type: number): number {
    const end = (block + 1) * this.#pageblockPages;
    let moved = 0;
    for (let pfn = block * this.#pageblockPages; pfn < end; ) {
      const order = this.#lists.orderOf[pfn];
      if (order < 0) {
        pfn++;
        continue;
      }
      this.#moveChunk(zone, pfn, type);
      moved += 1 << order;
      pfn += 1 << order;
    }
    return moved;
  }

  giveBack(pfn: Pfn, order: number): void {
    const zone = this.#zoneOf[Math.floor(pfn / this.#pageblockPages)] ?? NO_ZONE;
    if (zone === NO_ZONE) throw new InvariantError(`page ${pfn} is given back, but it is no RAM`);
    this.#expectInUse(pfn, order);
    const orderOf = this.#lists.orderOf;
    let merged: number = pfn;
    while (order < MAX_PAGE_ORDER) {
      const buddy = merged ^ (1 << order);
      if (orderOf[buddy] !== order || this.#zoneOf[Math.floor(buddy / this.#pageblockPages)] !== zone) break;
      this.#lists.remove(zone, buddy);
      merged &= buddy;
      order++;
    }
    const type = this.#typeOf[Math.floor(pfn / this.#pageblockPages)];
    this.#lists.add(zone, merged, order, type, this.#mayMergeSoon(merged, order));
  }

  /** buddy_merge_likely(): a chunk whose parent's buddy is free goes to the tail, to be used last. */
  #mayMergeSoon(pfn: number, order: number): boolean {
    if (order >= MAX_PAGE_ORDER - 1) return false;
    const parent = pfn & ~(1 << order);
    return this.#lists.orderOf[parent ^ (1 << (order + 1))] === order + 1;
  }

  /** Looks for a free chunk that holds the page; that all pages are in use, the reducer proves (pages-returned). */
  #expectInUse(pfn: number, order: number): void {
    for (let above = order; above <= MAX_PAGE_ORDER; above++) {
      const head = pfn & ~((1 << above) - 1);
      if (this.#lists.orderOf[head] >= above) {
        throw new InvariantError(`page ${pfn} is given back, but it is free already`);
      }
    }
  }
}
