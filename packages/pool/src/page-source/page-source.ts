/**
 * Where a policy's pages come from: the kernel's page allocator (../page-allocator), started from a memory state: from
 * its lists if it has them (exact), else from their counts. What is free at the start can be claimed; all else is in use, and stays so unless the run has reclaim.
 *
 * A request goes from zone to zone down to the low watermarks, then down to the min watermarks. If that fails the per-CPU lists are
 * emptied, page cache is reclaimed and pages are moved together, as the run has it (__alloc_pages_slowpath(), mm/page_alloc.c).
 */
import {
  type Geometry,
  InvariantError,
  MAX_PAGE_ORDER,
  type MemoryState,
  type Migratetype,
  type PageSourceSettings,
  type Pfn,
} from '@decpool/model';
import { type PageRun, PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { COSTLY_ORDER } from '../page-allocator/chunk-lists.ts';
import { startExactly } from '../page-allocator/exact-start.ts';
import { type ClaimType, ORDINARY_TYPES, TYPE } from '../page-allocator/migratetypes.ts';
import type { PageAllocator, Zonelist } from '../page-allocator/page-allocator.ts';
import type { ClaimEffort } from './claim-effort.ts';
import { ClaimedPages } from './claimed-pages.ts';
import { type CompactedBlock, type CompactionMode, type CompactionOutcome, Compactor } from './compaction.ts';
import { takeContiguous } from './contiguous-range.ts';
import { startFromCounts } from './counted-start.ts';
import { Reclaim, type ReclaimedRun } from './reclaim.ts';
import { type Reach, ZoneMap } from './zones.ts';

export type { CompactedBlock } from './compaction.ts';
export { type Reach, reachOf, zonesOf } from './zones.ts';

const NOTHING: readonly never[] = [];

interface Woken {
  readonly zonelist: Zonelist;
  readonly order: number;
}

/** What policies claim pages from: the page allocator, started from a memory state, with reclaim and compaction. */
export class PageSource {
  readonly #allocator: PageAllocator;
  readonly #zones: ZoneMap;
  /** Until the boot pool is taken. */
  #reserved: PageRun | undefined;
  /** undefined: nothing is moved. */
  readonly #compactor: Compactor | undefined;
  /** Chunks of the memory state that the placement guess could not put inside a pageblock of their migratetype. */
  readonly misplaced: number;
  /** Chunks of the memory state that it could not place at all: the state contradicts itself. */
  readonly dropped: number;
  readonly #claimed: ClaimedPages;
  /** CPU that claims and gives back. */
  #cpu = 0;
  /** kswapd and direct reclaim; undefined: what is in use stays so. */
  readonly #reclaim: Reclaim | undefined;
  /** Whether the last claim found no zone above its low watermark, before anything was reclaimed for it. */
  isLow = false;
  #directPages = 0;
  #stalls = 0;
  /** What kswapd was woken for by callers that do not wait for it. */
  #woken: Woken | undefined;

  /** `seed` places the free chunks of a state that has their counts alone. */
  constructor(
    memory: MemoryState,
    geometry: Geometry,
    seed: number,
    settings: PageSourceSettings = PLAIN_PAGE_SOURCE,
  ) {
    const { allocator, misplaced, dropped } =
      memory.exact === undefined
        ? startFromCounts(memory, geometry, seed, settings)
        : { allocator: startExactly(memory, geometry), misplaced: 0, dropped: 0 };
    this.#allocator = allocator;
    this.#zones = new ZoneMap(memory, geometry);
    this.#reserved = memory.reserved;
    this.misplaced = misplaced;
    this.dropped = dropped;
    this.#claimed = new ClaimedPages(geometry);
    this.#compactor = settings.compaction ? new Compactor(allocator, this.#zones, this.#claimed) : undefined;
    this.#reclaim =
      settings.reclaim === true
        ? new Reclaim(allocator, this.#zones, memory, this.#claimed, seed)
        : undefined;
  }

  /** Pages in all free lists, per-CPU lists included. */
  get freePages(): number {
    return this.#allocator.zones.reduce((sum, zone) => sum + zone.freePages, this.pcpPages);
  }

  /** Pages in per-CPU lists. */
  get pcpPages(): number {
    return this.#allocator.perCpuLists.pages;
  }

  /** Blocks that compaction moved pages out of for the last claim. */
  takeCompacted(): readonly CompactedBlock[] {
    return this.#compactor?.takeBlocks() ?? NOTHING;
  }

  /** Pages that were reclaimed for the last claim, in the order in which they became free. */
  takeReclaimed(): readonly ReclaimedRun[] {
    return this.#reclaim?.takeRuns() ?? NOTHING;
  }

  /** Pages that the last claim reclaimed itself, waiting. */
  get directPages(): number {
    return this.#directPages;
  }

  /** How often the last claim waited: for compaction that was not skipped, and for reclaim of its own (COMPACTSTALL, ALLOCSTALL). */
  get stalls(): number {
    return this.#stalls;
  }

  /** Free chunks of a zone's migratetype, by order; those in per-CPU lists do not count. */
  freeChunks(zone: string, migratetype: Migratetype, node = 0): number[] {
    const index = this.#zones.indexOf(zone, node);
    const { lists } = this.#allocator.buddy;
    return Array.from({ length: MAX_PAGE_ORDER + 1 }, (_, order) =>
      lists.count(lists.list(index, order, TYPE[migratetype])),
    );
  }

  /** Free pages of each block; those in per-CPU lists do not count. */
  freePagesByBlock(): Int32Array {
    return this.#allocator.buddy.freePagesIn.slice();
  }

  /** Index in the memory state of the zone that a page belongs to, or -1 for none. */
  zoneIndexOf(pfn: number): number {
    return this.#zones.zoneIndexOf(pfn);
  }

  /** Claims and returns are made on this CPU from now on; if there are fewer CPUs, they take turns. Default: CPU 0. */
  runOn(cpu: number): void {
    this.#cpu = cpu % this.#allocator.cpus;
  }

  /**
   * Takes a free chunk of 2^order pages. Returns its first page, or -1 if no zone of the reach (default: any) has one. Default effort:
   * `reclaim`.
   */
  claim(order: number, migratetype: ClaimType, reach?: Reach, effort: ClaimEffort = 'reclaim'): Pfn | -1 {
    this.#directPages = 0;
    this.#stalls = 0;
    const type = TYPE[migratetype];
    const zonelist = this.#zones.zonelist(reach);
    if (this.#woken !== undefined && effort !== 'nowait') this.#runKswapd(this.#woken);
    const found = this.#tryClaim(order, type, zonelist);
    this.isLow = this.#allocator.isKswapdWanted;
    return (this.isLow ? this.#claimSlowly(found, order, type, zonelist, effort) : found) as Pfn | -1;
  }

  /** kswapd is done before the next request that is no part of the same loop over the orders: see `nowait`. */
  #runKswapd({ zonelist, order }: Woken): void {
    this.#woken = undefined;
    this.#reclaim?.balance(zonelist, order);
  }

  #tryClaim(order: number, type: number, zonelist: Zonelist): number {
    const found = this.#allocator.claim(this.#cpu, order, type, zonelist);
    if (found >= 0) this.#claimed.add(found, order);
    return found;
  }

  /** __alloc_pages_slowpath(). `first`: what the request has found above the min watermarks; -1: nothing. */
  #claimSlowly(first: number, order: number, type: number, zonelist: Zonelist, effort: ClaimEffort): number {
    if (effort === 'none') return first;
    if (effort === 'nowait') {
      // wakeup_kswapd(): the caller does not wait for it. kswapd_order is the largest order that woke it.
      if (order >= (this.#woken?.order ?? 0)) this.#woken = { zonelist, order };
      return first;
    }
    const isNoRetry = effort === 'noretry';
    // kswapd runs beside the requests: it is done before the next one, or before this one gives up.
    this.#reclaim?.balance(zonelist, order);
    let found = first;
    if (found < 0 && this.#reclaim !== undefined) found = this.#tryClaim(order, type, zonelist);
    if (found < 0 && this.#allocator.perCpuLists.drain(this.#allocator.zones)) {
      found = this.#tryClaim(order, type, zonelist);
    }
    if (found >= 0) return found;
    if (this.#reclaim === undefined) return this.#compact(zonelist, order, type, 'sync').found;
    const isCostly = order > COSTLY_ORDER;
    if (isCostly || type !== TYPE.Movable) {
      const { outcome, found } = this.#compact(zonelist, order, type, 'async');
      if (found >= 0) return found;
      if (isCostly && isNoRetry && (outcome === 'skipped' || outcome === 'deferred')) return -1;
    }
    for (;;) {
      const freed = this.#reclaimDirectly(order, zonelist);
      if (freed > 0) found = this.#tryClaim(order, type, zonelist);
      if (found < 0) found = this.#compact(zonelist, order, type, isNoRetry ? 'async' : 'sync').found;
      // should_reclaim_retry(): chunks of higher orders are given up after one round, others as soon as nothing can be reclaimed.
      if (found >= 0 || isCostly || isNoRetry || freed === 0) return found;
    }
  }

  /** __alloc_pages_direct_reclaim(). Returns how many pages came back. */
  #reclaimDirectly(order: number, zonelist: Zonelist): number {
    const freed = this.#reclaim?.reclaimDirectly(zonelist, order, this.#cpu) ?? 0;
    this.#stalls++;
    this.#directPages += freed;
    if (freed > 0) this.#allocator.perCpuLists.drain(this.#allocator.zones);
    return freed;
  }

  /** __alloc_pages_direct_compact(). */
  #compact(
    zonelist: Zonelist,
    order: number,
    type: number,
    mode: CompactionMode,
  ): { readonly outcome: CompactionOutcome; readonly found: number } {
    const isTried =
      order > 0 &&
      order <= this.#allocator.buddy.pageblockOrder &&
      (type < ORDINARY_TYPES || type === TYPE.Decrypted);
    const outcome = (isTried && this.#compactor?.compact(zonelist, order, type, mode)) || 'skipped';
    const isStall = outcome === 'deferred' ? this.#allocator.countsDeferred : outcome !== 'skipped';
    if (isStall) this.#stalls++;
    const found = outcome === 'success' ? this.#tryClaim(order, type, zonelist) : -1;
    if (found >= 0) this.#compactor?.served(this.#zones.zoneIndexOf(found), order);
    return { outcome, found };
  }

  /**
   * Takes a run of pageblocks for the boot pool, before the first claim: the end of what the memory state has reserved, else the
   * highest whole free ones. Returns its first page, or -1 if there is none.
   */
  claimContiguous(blocks: number): Pfn | -1 {
    const { buddy, zones } = this.#allocator;
    const found =
      this.#reserved === undefined
        ? takeContiguous(buddy, zones, this.#zones, blocks)
        : endOf(this.#reserved, blocks * buddy.pageblockPages);
    if (found >= 0) this.#reserved = undefined;
    for (let each = 0; found >= 0 && each < blocks; each++) {
      const start = found + each * buddy.pageblockPages;
      buddy.movableIn[buddy.blockOf(start)] = 0;
      this.#claimed.add(start, buddy.pageblockOrder);
    }
    return found as Pfn | -1;
  }

  /** Frees a chunk of 2^order pages. Throws InvariantError if it lies in a free chunk, was not claimed, or is no RAM. */
  giveBack(pfn: Pfn, order: number): void {
    const zone = this.#zones.zoneIndexOf(pfn);
    if (zone < 0) throw new InvariantError(`page ${pfn} is given back, but it is no RAM`);
    if (!this.#claimed.has(pfn, order)) {
      const isFree = this.#allocator.buddy.lists.covers(pfn, order);
      throw new InvariantError(
        `page ${pfn} is given back, but it ${isFree ? 'is free already' : 'was not claimed'}`,
      );
    }
    this.#claimed.remove(pfn, order);
    this.#allocator.free(this.#cpu, this.#allocator.zones[zone], pfn, order);
  }
}

const endOf = ([start, pages]: PageRun, wanted: number): number =>
  wanted <= pages ? start + pages - wanted : -1;
