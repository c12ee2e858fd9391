/**
 * Per-CPU page lists (mm/page_alloc.c): chunks of orders 0 to 3 and 9 come from and go to lists of a CPU's own, which are filled and
 * emptied in batches. Their pages are free but in no buddy list: they count in no watermark, and they do not merge.
 */
import type { Buddy } from './buddy.ts';
import { COSTLY_ORDER, orderOfIndex, PER_CPU_LISTS, perCpuIndex, typeOfIndex } from './chunk-lists.ts';
import { ORDINARY_TYPES, TYPE } from './migratetypes.ts';
import type { PerCpu } from './per-cpu.ts';
import type { Rmqueue } from './rmqueue.ts';
import type { Zone } from './zone.ts';

export class PerCpuLists {
  readonly #buddy: Buddy;
  readonly #rmqueue: Rmqueue;
  /** By zone and CPU. */
  readonly #perCpu: readonly (readonly PerCpu[])[];
  /**
   * Migratetype that a page had when it came into a list of several migratetypes, by page: 6.1 returns it to that type's
   * list (pcppage_migratetype), later kernels to the list of its pageblock.
   */
  readonly #notedType: Uint8Array | undefined;
  /** Since 7.x the lists are emptied in portions of a batch, each beginning at the list that was freed to. */
  readonly #isInPortions: boolean;
  readonly #listsPageblocks: boolean;

  constructor(options: {
    readonly buddy: Buddy;
    readonly rmqueue: Rmqueue;
    readonly perCpu: readonly (readonly PerCpu[])[];
    readonly notedType: Uint8Array | undefined;
    readonly isInPortions: boolean;
    readonly listsPageblocks: boolean;
  }) {
    this.#buddy = options.buddy;
    this.#rmqueue = options.rmqueue;
    this.#perCpu = options.perCpu;
    this.#notedType = options.notedType;
    this.#isInPortions = options.isInPortions;
    this.#listsPageblocks = options.listsPageblocks;
  }

  /** Pages in all lists. */
  get pages(): number {
    let pages = 0;
    for (const ofZone of this.#perCpu) for (const { count } of ofZone) pages += count;
    return pages;
  }

  /** pcp_allowed_order(); no order at all without lists. */
  serves(order: number, type: number): boolean {
    if (this.#perCpu.length === 0) return false;
    const isListed = order <= COSTLY_ORDER || (this.#listsPageblocks && order === this.#buddy.pageblockOrder);
    return isListed && type < ORDINARY_TYPES;
  }

  /** Whether a request finds no chunk in a CPU's lists. */
  isEmpty(zone: Zone, cpu: number, order: number, type: number): boolean {
    const { lists } = this.#buddy;
    if (!this.serves(order, type)) return true;
    return lists.first(lists.perCpuList(zone.index, cpu, perCpuIndex(order, type))) < 0;
  }

  /** Puts a chunk that is in a list at the start to its tail. */
  addAtStart(zone: Zone, cpu: number, index: number, pfn: number): void {
    const order = orderOfIndex(index, this.#buddy.pageblockOrder);
    this.#buddy.lists.addTail(this.#buddy.lists.perCpuList(zone.index, cpu, index), pfn);
    this.#perCpu[zone.index][cpu].count += 1 << order;
    if (this.#notedType !== undefined) {
      this.#notedType[pfn] = order > COSTLY_ORDER ? this.#buddy.typeOf(pfn) : index % ORDINARY_TYPES;
    }
  }

  /** rmqueue_pcplist(): the first of the list, filled from the zone when it is empty; -1 when that has none either. */
  claim(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    this.#perCpu[zone.index][this.#buddy.cpu].allocating();
    return this.claimInBulk(zone, order, type, isNofragment);
  }

  /** __rmqueue_pcplist(): as for one of the pages that alloc_pages_bulk() takes. */
  claimInBulk(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    const { lists, cpu } = this.#buddy;
    const perCpu = this.#perCpu[zone.index][cpu];
    const index = perCpuIndex(order, type);
    const list = lists.perCpuList(zone.index, cpu, index);
    if (lists.first(list) < 0) {
      const wanted = perCpu.chunksToFill(zone, order);
      const filled = this.#rmqueue.fill(zone, order, type, isNofragment, wanted, list);
      if (filled === 0) return -1;
      perCpu.count += filled << order;
      if (this.#notedType !== undefined && typeOfIndex(index) < 0) {
        for (let each = lists.first(list); each >= 0; each = lists.after(each)) this.#notedType[each] = type;
      }
    }
    perCpu.count -= 1 << order;
    return lists.removeFirst(list);
  }

  /** free_unref_page(): returns false for a chunk that the lists do not take. */
  free(zone: Zone, pfn: number, order: number): boolean {
    const type = this.#buddy.typeOf(pfn);
    if (!this.serves(order, 0) || type === TYPE.Isolate || type === TYPE.Decrypted) return false;
    const { lists, cpu } = this.#buddy;
    const perCpu = this.#perCpu[zone.index][cpu];
    const index = perCpuIndex(order, type < ORDINARY_TYPES ? type : TYPE.Movable);
    if (this.#notedType !== undefined && typeOfIndex(index) < 0) this.#notedType[pfn] = type;
    lists.addHead(lists.perCpuList(zone.index, cpu, index), pfn);
    perCpu.count += 1 << order;
    const pages = perCpu.pagesToReturn(zone, order);
    if (pages === 0) return true;
    this.#returnPages(zone, cpu, perCpu, pages, index);
    // free_unref_page_commit(): the zone may have come above its high watermark.
    if (zone.isBelowHigh && zone.isAbove(zone.high + zone.boost, 0, MOVABLE_ZONE)) zone.isBelowHigh = false;
    return true;
  }

  #returnPages(zone: Zone, cpu: number, perCpu: PerCpu, pages: number, index: number): void {
    if (!this.#isInPortions) {
      this.#empty(zone, cpu, perCpu, pages, index);
      return;
    }
    for (let left = pages; left > 0 && perCpu.count > 0; left -= perCpu.batch) {
      this.#empty(zone, cpu, perCpu, Math.min(left, perCpu.batch), index);
    }
  }

  /** free_pcppages_bulk(): the oldest chunks of one list after the other go back to the zone. */
  #empty(zone: Zone, cpu: number, perCpu: PerCpu, pages: number, firstIndex: number): void {
    const { lists, pageblockOrder } = this.#buddy;
    const firstList = lists.perCpuList(zone.index, cpu, 0);
    let left = Math.min(pages, perCpu.count);
    let lowest = 0;
    let highest = PER_CPU_LISTS - 1;
    let index = firstIndex - 1;
    while (left > 0) {
      for (;;) {
        if (++index > highest) index = lowest;
        if (lists.first(firstList + index) >= 0) break;
        if (index === highest) highest--;
        if (index === lowest) lowest++;
      }
      const order = orderOfIndex(index, pageblockOrder);
      const chunks = Math.min(lists.count(firstList + index), (left + (1 << order) - 1) >> order);
      this.#returnLast(zone, firstList + index, index, order, chunks);
      perCpu.count -= chunks << order;
      left -= chunks << order;
    }
  }

  /**
   * The last chunks of a list go back one after the other. Neighbours merge into one chunk before anything else happens to the zone's
   * lists, so they are put there as that chunk.
   */
  #returnLast(zone: Zone, list: number, index: number, order: number, chunks: number): void {
    const { lists } = this.#buddy;
    // Chunks of a list of several migratetypes can go to lists of different types.
    const mayMerge = order === 0 && (this.#notedType === undefined || typeOfIndex(index) >= 0);
    for (let left = chunks; left > 0; ) {
      const merged = mayMerge ? lists.orderOfLastRun(list, left) : order;
      const pfn = lists.removeLast(list);
      const type = this.#typeToReturnTo(pfn, index);
      if (merged === order) this.#buddy.freeOne(zone, pfn, order, type);
      else {
        for (let each = 1; each < 1 << (merged - order); each++) lists.removeLast(list);
        this.#buddy.freeRun(zone, pfn, order, merged, type);
      }
      left -= 1 << (merged - order);
    }
  }

  #return(zone: Zone, pfn: number, order: number, index: number): void {
    this.#buddy.freeOne(zone, pfn, order, this.#typeToReturnTo(pfn, index));
  }

  #typeToReturnTo(pfn: number, index: number): number {
    if (this.#notedType === undefined) return this.#buddy.typeOf(pfn);
    const type = typeOfIndex(index);
    return type < 0 ? this.#notedType[pfn] : type;
  }

  /** decay_pcp_high() for a CPU's lists of one zone. */
  decay(zone: Zone, cpu: number): void {
    const perCpu = this.#perCpu[zone.index][cpu];
    const pages = perCpu.decay();
    if (pages > 0) this.#returnPages(zone, cpu, perCpu, pages, 0);
  }

  /** drain_all_pages(): all lists go back to their zones. Returns whether there was anything in them. */
  drain(zones: readonly Zone[]): boolean {
    const hadPages = this.pages > 0;
    for (const zone of hadPages ? zones : []) {
      for (const [cpu, perCpu] of this.#perCpu[zone.index].entries()) {
        this.#empty(zone, cpu, perCpu, perCpu.count, 0);
      }
    }
    return hadPages;
  }

  /** Takes a page's chunk out of the lists back to the zone, as a drain that is recorded does. Returns whether it was there. */
  returnChunk(zone: Zone, cpu: number, pfn: number, order: number): boolean {
    const { lists } = this.#buddy;
    const first = lists.perCpuList(zone.index, cpu, 0);
    const index = lists.perCpuListOf(pfn) - first;
    if (index < 0 || index >= PER_CPU_LISTS || orderOfIndex(index, this.#buddy.pageblockOrder) !== order) {
      return false;
    }
    lists.remove(pfn);
    this.#return(zone, pfn, order, index);
    this.#perCpu[zone.index][cpu].count -= 1 << order;
    return true;
  }
}

/** Number of ZONE_MOVABLE, include/linux/mmzone.h as x86-64 configures it. */
const MOVABLE_ZONE = 3;
