/**
 * All lists of free chunks: the buddy lists (struct free_area, include/linux/mmzone.h) by zone, order and migratetype, and
 * the per-CPU lists (struct per_cpu_pages) by zone, CPU and index. A chunk is in one list, so both share their links.
 *
 * The links are arrays indexed by the first page of a chunk, as the kernel's live in struct page: adding and removing is O(1)
 * and allocates nothing. Sizes are `1 << order`, not `2 ** order`, which would call pow().
 */
import { InputError, MAX_PAGE_ORDER } from '@decpool/model';
import { CLAIM_TYPES, type ClaimType, ORDINARY_TYPES, TYPE } from './migratetypes.ts';

const NONE = -1;
/** 64 GiB. */
const LARGE_PAGES = 1 << 24;
export const ORDERS = MAX_PAGE_ORDER + 1;
export const TYPES = CLAIM_TYPES.length;

/** Per-CPU lists of a CPU: orders 0 to 3 by migratetype, then order 9 for other types and for Movable. */
export const PER_CPU_LISTS = 14;
/** PAGE_ALLOC_COSTLY_ORDER, include/linux/mmzone.h: the highest order but 9 in the per-CPU lists. */
export const COSTLY_ORDER = 3;
const FIRST_HUGE = (COSTLY_ORDER + 1) * ORDINARY_TYPES;

/** order_to_pindex(): index of a per-CPU list. */
export const perCpuIndex = (order: number, type: number): number =>
  order > COSTLY_ORDER ? FIRST_HUGE + Number(type === TYPE.Movable) : order * ORDINARY_TYPES + type;

/** Migratetype that all chunks of a per-CPU list have if they are of no other kind; -1 if the list holds several. */
export const typeOfIndex = (index: number): number => {
  const type = index % ORDINARY_TYPES;
  return index < FIRST_HUGE && type !== TYPE.Movable ? type : -1;
};

/** pindex_to_order(). */
export const orderOfIndex = (index: number, pageblockOrder: number): number =>
  index >= FIRST_HUGE ? pageblockOrder : Math.floor(index / ORDINARY_TYPES);

/** The list that a free page is in, and where in it. */
export interface FreePlace {
  /** Index of the zone. */
  readonly zone: number;
  /** Of a per-CPU list. */
  readonly cpu?: number;
  readonly order: number;
  readonly type: ClaimType;
  /** Chunks before the one with the page, and chunks in the list. */
  readonly before: number;
  readonly chunks: number;
}

export class ChunkLists {
  /** See #at(). */
  readonly #lowBits: number;
  readonly #columnPages: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** List of the chunk that begins at a page, plus 1; 0 where none does. */
  readonly #listOf: Uint16Array;
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  readonly #counts: Int32Array;
  readonly #orders: Uint8Array;
  readonly #zones: Uint16Array;
  /** A bit for each order of which a zone has chunks of a migratetype; after them one word that all per-CPU lists share. */
  readonly #ordersOf: Uint16Array;
  /** Of each list, the word of #ordersOf. */
  readonly #wordOf: Uint16Array;
  readonly #cpus: number;
  /** Lists from here on are per-CPU lists. */
  readonly #firstPerCpu: number;

  constructor(spanPages: number, zones: number, cpus: number, pageblockOrder: number) {
    this.#firstPerCpu = zones * ORDERS * TYPES;
    const lists = this.#firstPerCpu + zones * cpus * PER_CPU_LISTS;
    if (lists >= 0xffff)
      throw new InputError(`${zones} zones with the lists of ${cpus} CPUs: too many lists`);
    this.#cpus = cpus;
    // Room for the buddy of each chunk: pages behind the span are in no list.
    const pages = (spanPages | ((1 << MAX_PAGE_ORDER) - 1)) + 1;
    this.#lowBits = spanPages > LARGE_PAGES ? MAX_PAGE_ORDER : 0;
    this.#columnPages = pages >>> this.#lowBits;
    this.#next = new Int32Array(pages);
    this.#previous = new Int32Array(pages);
    this.#listOf = new Uint16Array(pages);
    this.#heads = new Int32Array(lists).fill(NONE);
    this.#tails = new Int32Array(lists).fill(NONE);
    this.#counts = new Int32Array(lists);
    this.#orders = new Uint8Array(lists);
    this.#zones = new Uint16Array(lists);
    this.#ordersOf = new Uint16Array(zones * TYPES + 1);
    this.#wordOf = new Uint16Array(lists).fill(zones * TYPES);
    for (let list = 0; list < lists; list++) {
      const perCpu = list - this.#firstPerCpu;
      this.#orders[list] =
        perCpu < 0 ? Math.floor(list / TYPES) % ORDERS : orderOfIndex(perCpu % PER_CPU_LISTS, pageblockOrder);
      this.#zones[list] = Math.floor(perCpu < 0 ? list / (ORDERS * TYPES) : perCpu / (cpus * PER_CPU_LISTS));
      if (perCpu < 0) this.#wordOf[list] = this.#zones[list] * TYPES + (list % TYPES);
    }
  }

  /**
   * Where the links of the chunk that begins at a page lie. In a large guest those of all first pages of the largest chunks come first, then
   * those of the pages behind them, and so on: most memory is in chunks of the largest order, and memory of the arrays that was never written
   * to takes none of the machine's.
   */
  #at(pfn: number): number {
    return (pfn & ((1 << this.#lowBits) - 1)) * this.#columnPages + (pfn >>> this.#lowBits);
  }

  /** A buddy list. */
  list(zone: number, order: number, type: number): number {
    return (zone * ORDERS + order) * TYPES + type;
  }

  /** A per-CPU list. */
  perCpuList(zone: number, cpu: number, index: number): number {
    return this.#firstPerCpu + (zone * this.#cpus + cpu) * PER_CPU_LISTS + index;
  }

  /** First page of the first chunk of a list, or -1. */
  first(list: number): number {
    return this.#heads[list];
  }

  /** Chunks in a list. */
  count(list: number): number {
    return this.#counts[list];
  }

  /** The chunk behind another in its list, or -1. */
  after(pfn: number): number {
    return this.#next[this.#at(pfn)];
  }

  /** Order of the chunk of a buddy list that begins at a page, or -1: PageBuddy(). */
  buddyOrder(pfn: number): number {
    const list = this.#listOf[this.#at(pfn)] - 1;
    return list >= 0 && list < this.#firstPerCpu ? this.#orders[list] : -1;
  }

  /** Order of the chunk of any list, per-CPU lists included, that begins at a page, or -1. */
  orderAt(pfn: number): number {
    const list = this.#listOf[this.#at(pfn)] - 1;
    return list < 0 ? -1 : this.#orders[list];
  }

  /** Whether a chunk begins at a page that is in the list of any migratetype of a zone and order: page_is_buddy(). `list`: of type 0. */
  isBuddy(pfn: number, list: number): boolean {
    return (this.#listOf[this.#at(pfn)] - 1 - list) >>> 0 < TYPES;
  }

  /** The lowest order from `order` on of which a zone has chunks of a migratetype, or -1. */
  smallestOrder(zone: number, order: number, type: number): number {
    const orders = this.#ordersOf[zone * TYPES + type] >>> order;
    return orders === 0 ? -1 : order + 31 - Math.clz32(orders & -orders);
  }

  /** Whether a zone has a chunk of at least 2^order pages of a migratetype that requests ask for. */
  hasChunk(zone: number, order: number): boolean {
    const words = zone * TYPES;
    for (let type = 0; type < ORDINARY_TYPES; type++) {
      if (this.#ordersOf[words + type] >>> order !== 0) return true;
    }
    return this.#ordersOf[words + TYPE.Decrypted] >>> order !== 0;
  }

  /** Migratetype of the buddy list that a chunk is in. */
  typeOf(pfn: number): number {
    return (this.#listOf[this.#at(pfn)] - 1) % TYPES;
  }

  /** The per-CPU list that a page's chunk is in, or -1. */
  perCpuListOf(pfn: number): number {
    const list = this.#listOf[this.#at(pfn)] - 1;
    return list >= this.#firstPerCpu ? list : -1;
  }

  addHead(list: number, pfn: number): void {
    const first = this.#heads[list];
    this.#next[this.#at(pfn)] = first;
    this.#previous[this.#at(pfn)] = NONE;
    if (first === NONE) this.#addFirst(list, pfn);
    else this.#previous[this.#at(first)] = pfn;
    this.#heads[list] = pfn;
    this.#listOf[this.#at(pfn)] = list + 1;
    this.#counts[list]++;
  }

  addTail(list: number, pfn: number): void {
    const last = this.#tails[list];
    this.#next[this.#at(pfn)] = NONE;
    this.#previous[this.#at(pfn)] = last;
    if (last === NONE) this.#addFirst(list, pfn);
    else this.#next[this.#at(last)] = pfn;
    this.#tails[list] = pfn;
    this.#listOf[this.#at(pfn)] = list + 1;
    this.#counts[list]++;
  }

  #addFirst(list: number, pfn: number): void {
    this.#heads[list] = pfn;
    this.#tails[list] = pfn;
    this.#ordersOf[this.#wordOf[list]] |= 1 << this.#orders[list];
  }

  remove(pfn: number): void {
    const list = this.#listOf[this.#at(pfn)] - 1;
    const next = this.#next[this.#at(pfn)];
    const previous = this.#previous[this.#at(pfn)];
    if (previous === NONE) this.#heads[list] = next;
    else this.#next[this.#at(previous)] = next;
    if (next === NONE) this.#tails[list] = previous;
    else this.#previous[this.#at(next)] = previous;
    this.#removed(list, pfn);
  }

  /** Removes the first chunk of a list that has one, and returns its first page. */
  removeFirst(list: number): number {
    const pfn = this.#heads[list];
    const next = this.#next[this.#at(pfn)];
    this.#heads[list] = next;
    if (next === NONE) this.#tails[list] = NONE;
    else this.#previous[this.#at(next)] = NONE;
    this.#removed(list, pfn);
    return pfn;
  }

  /** Removes the last chunk of a list that has one, and returns its first page. */
  removeLast(list: number): number {
    const pfn = this.#tails[list];
    const previous = this.#previous[this.#at(pfn)];
    this.#tails[list] = previous;
    if (previous === NONE) this.#heads[list] = NONE;
    else this.#next[this.#at(previous)] = NONE;
    this.#removed(list, pfn);
    return pfn;
  }

  /**
   * Order of the aligned chunk that the last chunks of a list make up, each at the address behind the one that leaves the list before
   * it; of the last chunk itself if they do not. At most `most` chunks count, and no chunk is above MAX_PAGE_ORDER.
   */
  orderOfLastRun(list: number, most: number): number {
    const order = this.#orders[list];
    const first = this.#tails[list];
    let at = first;
    let run = 0;
    // What makes up a chunk twice as large begins at its border.
    while (order + run < MAX_PAGE_ORDER && 2 << run <= most && (first & ((2 << (order + run)) - 1)) === 0) {
      const end = first + ((2 << (order + run)) - (1 << order));
      let each = at;
      while (each !== end && this.#previous[this.#at(each)] === each + (1 << order)) each += 1 << order;
      if (each !== end) break;
      at = each;
      run++;
    }
    return order + run;
  }

  #removed(list: number, pfn: number): void {
    this.#listOf[this.#at(pfn)] = 0;
    if (--this.#counts[list] === 0) this.#ordersOf[this.#wordOf[list]] &= ~(1 << this.#orders[list]);
  }

  /** Whether a range of 2^order pages lies in a chunk of any list. */
  covers(pfn: number, order: number): boolean {
    for (let above = order; above <= MAX_PAGE_ORDER; above++) {
      const list = this.#listOf[this.#at(pfn & ~((1 << above) - 1))] - 1;
      if (list >= 0 && this.#orders[list] >= above) return true;
    }
    return false;
  }

  /** Where a page is free; undefined if it is in use. Walks a list: this is for messages. */
  placeOf(pfn: number): FreePlace | undefined {
    for (let above = 0; above <= MAX_PAGE_ORDER; above++) {
      const first = pfn & ~((1 << above) - 1);
      const list = this.#listOf[this.#at(first)] - 1;
      if (list < 0 || this.#orders[list] < above) continue;
      let before = 0;
      for (let at = this.#heads[list]; at !== first; at = this.#next[this.#at(at)]) before++;
      const place = {
        zone: this.#zones[list],
        order: this.#orders[list],
        before,
        chunks: this.#counts[list],
      };
      const perCpu = list - this.#firstPerCpu;
      if (perCpu < 0) return { ...place, type: CLAIM_TYPES[list % TYPES] };
      const index = perCpu % PER_CPU_LISTS;
      const type = index < FIRST_HUGE ? index % ORDINARY_TYPES : index - FIRST_HUGE;
      const cpu = Math.floor(perCpu / PER_CPU_LISTS) % this.#cpus;
      return { ...place, cpu, type: CLAIM_TYPES[type] };
    }
    return undefined;
  }
}
