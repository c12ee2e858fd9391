/**
 * Where a policy's pages come from: a buddy allocator like the kernel's (mm/page_alloc.c), started from a recorded or
 * made-up free-list state. What is free at the start can be claimed; all else is in use, and stays so.
 *
 * This file is the way of a request: zone after zone down to the watermarks (get_page_from_freelist), then what is
 * left when all zones are low (__alloc_pages_slowpath). The parts it is made of: zones.ts, free-lists.ts and free-area.ts
 * (splitting and merging), fallback-6.ts and fallback-7.ts (other migratetypes' chunks), per-cpu-lists.ts, compaction.ts;
 * placement-guess.ts puts the free chunks somewhere at the start. Not modelled: reclaim.
 */
import {
  type Geometry,
  InvariantError,
  MAX_PAGE_ORDER,
  type MemoryState,
  type Migratetype,
  type PageSourceSettings,
  type Pfn,
  PLAIN_PAGE_SOURCE,
} from '@decpool/model';
import { ORDINARY_TYPES, TYPE } from '../page-allocator/migratetypes.ts';
import { type CompactionResult, compactZone } from './compaction.ts';
import { takeContiguous } from './contiguous-range.ts';
import type { Rmqueue } from './fallback.ts';
import { Kernel6 } from './fallback-6.ts';
import { Kernel7 } from './fallback-7.ts';
import { FreeArea } from './free-area.ts';
import { PerCpuLists } from './per-cpu-lists.ts';
import type { Reach, Zonelist } from './zones.ts';

export type { CompactionResult } from './compaction.ts';
export { type Reach, reachOf } from './zones.ts';

export class PageSource {
  readonly #area: FreeArea;
  readonly #rmqueue: Rmqueue;
  readonly #perCpu: PerCpuLists | undefined;
  readonly #compacts: boolean;
  /** Free pages that each zone keeps, and the same for when there is no choice. */
  readonly #lowWatermarks: Float64Array;
  readonly #noWatermarks: Float64Array;
  #lastCompaction: CompactionResult | undefined;

  /** `seed` places the free chunks, whose counts alone are known. */
  constructor(
    memory: MemoryState,
    geometry: Geometry,
    seed: number,
    options: PageSourceSettings = PLAIN_PAGE_SOURCE,
  ) {
    this.#lowWatermarks = Float64Array.from(memory.zones, (zone) => zone.lowWatermark);
    this.#noWatermarks = new Float64Array(memory.zones.length);
    this.#area = new FreeArea(memory, geometry, seed, options.kernel === '7.x');
    this.#rmqueue = options.kernel === '7.x' ? new Kernel7(this.#area) : new Kernel6(this.#area);
    this.#perCpu = options.perCpuLists ? new PerCpuLists(memory, this.#area, this.#rmqueue) : undefined;
    this.#compacts = options.compaction;
  }

  /** Chunks of the memory state that the placement guess could not put inside a pageblock of their migratetype. */
  get misplaced(): number {
    return this.#area.misplaced;
  }

  /** Chunks of the memory state that it could not place at all: the state contradicts itself. */
  get dropped(): number {
    return this.#area.dropped;
  }

  /** Pages in all free lists, per-CPU lists included. */
  get freePages(): number {
    return this.#area.lists.freePages + this.pcpPages;
  }

  /** Pages in per-CPU lists. */
  get pcpPages(): number {
    return this.#perCpu?.pages ?? 0;
  }

  /** What compaction did for the last claim; undefined: it was not needed. */
  get lastCompaction(): CompactionResult | undefined {
    return this.#lastCompaction;
  }

  /** Free chunks of a zone's migratetype, by order; those in per-CPU lists do not count. */
  freeChunks(zone: string, migratetype: Migratetype, node = 0): number[] {
    const index = this.#area.zones.indexOf(zone, node);
    return Array.from({ length: MAX_PAGE_ORDER + 1 }, (_, order) =>
      this.#area.lists.count(index, order, TYPE[migratetype]),
    );
  }

  /** Index in the memory state of the zone that a page belongs to, or -1 for none. */
  zoneIndexOf(pfn: number): number {
    return this.#area.zones.zoneIndexOf(pfn);
  }

  /** Takes a free chunk of 2^order pages. Returns its first page, or -1 if no zone of the reach (default: any) has one. */
  claim(order: number, migratetype: Migratetype, reach?: Reach): Pfn | -1 {
    this.#lastCompaction = undefined;
    const type = TYPE[migratetype];
    const zonelist = this.#area.zones.zonelist(reach);
    let found = this.#claimAbove(this.#lowWatermarks, zonelist, order, type);
    if (found < 0) found = this.#claimSlowly(zonelist, order, type);
    if (found >= 0) this.#area.markClaimed(found, order);
    return found as Pfn | -1;
  }

  /** __alloc_pages_slowpath(): nothing is reclaimed here, so when every zone is low each gives what it has. */
  #claimSlowly(zonelist: Zonelist, order: number, type: number): number {
    let found = this.#claimAbove(this.#noWatermarks, zonelist, order, type);
    if (found < 0 && this.#perCpu?.drain() === true) {
      found = this.#claimAbove(this.#noWatermarks, zonelist, order, type);
    }
    if (found < 0 && this.#compact(zonelist, order, type)) {
      found = this.#claimAbove(this.#noWatermarks, zonelist, order, type);
    }
    return found;
  }

  /** try_to_compact_pages(): the first zone in which a pageblock can be emptied. */
  #compact({ zones }: Zonelist, order: number, type: number): boolean {
    const isOrderMade = order > 0 && order <= this.#area.pageblockOrder;
    if (!this.#compacts || !isOrderMade || type >= ORDINARY_TYPES) return false;
    for (const zone of zones) {
      this.#lastCompaction = compactZone(this.#area, zone, order);
      if (this.#lastCompaction !== undefined) return true;
    }
    return false;
  }

  /**
   * get_page_from_freelist(): the first zone of the list that keeps its watermark and has a chunk. Where there is a
   * zone Normal, every zone of the node may serve without breaking up a foreign pageblock before any zone does.
   */
  #claimAbove(watermarks: Float64Array, zonelist: Zonelist, order: number, type: number): number {
    const { zones, localZones, isNofragment } = zonelist;
    for (let pass = isNofragment ? 0 : 1; pass < 2; pass++) {
      const end = pass === 0 ? localZones : zones.length;
      for (let at = 0; at < end; at++) {
        const zone = zones[at];
        if (this.#area.lists.freePagesOf[zone] - (1 << order) < watermarks[zone]) continue;
        const found = this.#claimFrom(zone, order, type, pass === 0);
        if (found >= 0) return found;
      }
    }
    return -1;
  }

  /** rmqueue(). */
  #claimFrom(zone: number, order: number, type: number, isNofragment: boolean): number {
    if (this.#perCpu?.serves(order, type) === true) {
      return this.#perCpu.claim(zone, order, type, isNofragment);
    }
    return this.#rmqueue.take(zone, order, type, isNofragment);
  }

  /**
   * Takes a run of whole free pageblocks, the highest there is, as a kernel does before it has a page allocator. Returns its
   * first page, or -1 if there is none.
   */
  claimContiguous(blocks: number): Pfn | -1 {
    this.#lastCompaction = undefined;
    return takeContiguous(this.#area, blocks) as Pfn | -1;
  }

  /** Frees a chunk of 2^order pages. Throws InvariantError if it lies in a free chunk, was not claimed, or is no RAM. */
  giveBack(pfn: Pfn, order: number): void {
    const zone = this.#area.zones.zoneIndexOf(pfn);
    if (zone < 0) throw new InvariantError(`page ${pfn} is given back, but it is no RAM`);
    // That none of its pages is free, the reducer proves (pages-returned); here a free chunk around it is looked for.
    if (this.#area.lists.covers(pfn, order) || this.#perCpu?.covers(pfn, order) === true) {
      throw new InvariantError(`page ${pfn} is given back, but it is free already`);
    }
    this.#area.markGivenBack(pfn, order);
    if (this.#perCpu?.free(zone, pfn, order) !== true) this.#area.free(zone, pfn, order);
  }
}
