/**
 * The way of a request through the page allocator: zone after zone down to the low watermarks (get_page_from_freelist), then
 * to the min watermarks (__alloc_pages_slowpath). Reclaim and compaction are not here.
 */
import { Buddy } from './buddy.ts';
import { TYPE } from './migratetypes.ts';
import { type PerCpu, PerCpu61, PerCpu67, type PerCpuStart } from './per-cpu.ts';
import { PerCpuLists } from './per-cpu-lists.ts';
import type { Rmqueue } from './rmqueue.ts';
import { Rmqueue61 } from './rmqueue-6-1.ts';
import { Rmqueue612 } from './rmqueue-6-12.ts';
import { Rmqueue73 } from './rmqueue-7-3.ts';
import { Zone, type ZoneStart } from './zone.ts';

/** The versions whose rules are known; each stands for the kernels up to the next. */
export const KERNELS = ['6.1', '6.12', '7.3'] as const;
/** A version of the page allocator. */
export type Kernel = (typeof KERNELS)[number];

/** What differs between the versions of the page allocator. */
export interface KernelRules {
  readonly matchesBuddies: boolean;
  /** Takes chunks from the buddy lists: __rmqueue(). */
  readonly rmqueue: (buddy: Buddy) => Rmqueue;
  /** Makes the per-CPU lists of a CPU and zone. */
  readonly perCpu: (start: PerCpuStart) => PerCpu;
  readonly notesTypes: boolean;
  readonly isInPortions: boolean;
  /** ZONE_BELOW_HIGH, since 6.7. */
  readonly seesBelowHigh: boolean;
  /** Whole pageblocks, too, come from and go to per-CPU lists: CONFIG_TRANSPARENT_HUGEPAGE. */
  readonly listsPageblocks: boolean;
  /** CPUs collect changes of counters, which lag: CONFIG_SMP. */
  readonly collectsCounts: boolean;
  /** A compaction that is deferred counts as a stall all the same (COMPACTSTALL), as recorded on 6.1 and 6.12, not on 7.3. */
  readonly countsDeferred: boolean;
}

/** As distributions configure all versions. */
const USUAL_CONFIG = { listsPageblocks: true, collectsCounts: true };

const RULES: Readonly<Record<Kernel, KernelRules>> = {
  '6.1': {
    ...USUAL_CONFIG,
    matchesBuddies: false,
    rmqueue: (buddy) => new Rmqueue61(buddy),
    perCpu: (start) => new PerCpu61(start),
    notesTypes: true,
    isInPortions: false,
    seesBelowHigh: false,
    countsDeferred: true,
  },
  '6.12': {
    ...USUAL_CONFIG,
    matchesBuddies: true,
    rmqueue: (buddy) => new Rmqueue612(buddy),
    perCpu: (start) => new PerCpu67(start, false),
    notesTypes: false,
    isInPortions: false,
    seesBelowHigh: true,
    countsDeferred: true,
  },
  '7.3': {
    ...USUAL_CONFIG,
    matchesBuddies: true,
    rmqueue: (buddy) => new Rmqueue73(buddy),
    perCpu: (start) => new PerCpu67(start, true),
    notesTypes: false,
    isInPortions: true,
    seesBelowHigh: true,
    countsDeferred: false,
  },
};

export interface AllocatorStart {
  readonly kernel: Kernel;
  readonly spanPages: number;
  readonly pageblockOrder: number;
  readonly cpus: number;
  readonly zones: readonly ZoneStart[];
  /** By zone and CPU. */
  readonly perCpu: readonly (readonly PerCpuStart[])[];
  /** In place of the kernel's: to see what a rule does. */
  readonly otherRules?: Partial<KernelRules>;
}

/** The zones that a request tries, in this order, and how. */
export interface Zonelist {
  /** Indexes of zones. */
  readonly zones: readonly number[];
  /** How many at the front are of the preferred node. */
  readonly localZones: number;
  /** Number of the highest zone it may use, for lowmem_reserve: 2 Normal, 3 Movable. */
  readonly highestZone: number;
  /** Whether pageblocks of other migratetypes are kept whole on a first round: ALLOC_NOFRAGMENT. */
  readonly isNofragment: boolean;
}

/** The kernel's page allocator: zones, buddy lists and per-CPU lists (mm/page_alloc.c). */
export class PageAllocator {
  readonly buddy: Buddy;
  readonly zones: readonly Zone[];
  readonly perCpuLists: PerCpuLists;
  /** Whether the last claim found no zone above its low watermark: then it wakes kswapd (__alloc_pages_slowpath()). */
  isKswapdWanted = false;
  /** CPUs that have lists and counters of their own. */
  readonly cpus: number;
  readonly #rmqueue: Rmqueue;
  readonly #rules: KernelRules;

  constructor({ kernel, spanPages, pageblockOrder, cpus, zones, perCpu, otherRules }: AllocatorStart) {
    const rules = { ...RULES[kernel], ...otherRules };
    this.#rules = rules;
    this.cpus = cpus;
    this.buddy = new Buddy({
      spanPages,
      zones: zones.length,
      cpus,
      pageblockOrder,
      matchesBuddies: rules.matchesBuddies,
      defaultType: TYPE.Movable,
    });
    this.zones = zones.map((zone) => new Zone(zone, cpus, this.buddy.lists, rules.collectsCounts));
    this.#rmqueue = rules.rmqueue(this.buddy);
    this.perCpuLists = new PerCpuLists({
      buddy: this.buddy,
      rmqueue: this.#rmqueue,
      perCpu: perCpu.map((ofZone) => ofZone.map(rules.perCpu)),
      notedType: rules.notesTypes ? new Uint8Array(spanPages) : undefined,
      isInPortions: rules.isInPortions,
      listsPageblocks: rules.listsPageblocks,
    });
  }

  get countsDeferred(): boolean {
    return this.#rules.countsDeferred;
  }

  /** Takes a chunk, on a CPU. Returns its first page, or -1. */
  claim(cpu: number, order: number, type: number, zonelist: Zonelist): number {
    this.buddy.cpu = cpu;
    const found = this.#claimFromFreelist(false, order, type, zonelist, zonelist.isNofragment);
    this.isKswapdWanted = found < 0;
    return found < 0 ? this.#claimFromFreelist(true, order, type, zonelist, false) : found;
  }

  /** get_page_from_freelist(), down to the low or to the min watermarks. */
  #claimFromFreelist(
    toMin: boolean,
    order: number,
    type: number,
    zonelist: Zonelist,
    isNofragment: boolean,
  ): number {
    const { zones, highestZone, localZones } = zonelist;
    const end = isNofragment ? localZones : zones.length;
    for (let at = 0; at < end; at++) {
      const zone = this.zones[zones[at]];
      if (!this.#mayServe(zone, toMin ? zone.min : zone.low, order, highestZone)) continue;
      const found = this.#rmqueueFrom(zone, order, type, isNofragment);
      if (found >= 0) return found;
    }
    return isNofragment ? this.#claimFromFreelist(toMin, order, type, zonelist, false) : -1;
  }

  #mayServe(zone: Zone, mark: number, order: number, highestZone: number): boolean {
    if (this.#rules.seesBelowHigh && !zone.isBelowHigh) {
      if (zone.isAbove(zone.high + zone.boost, order, highestZone)) return true;
      zone.isBelowHigh = true;
    }
    return zone.isAbove(mark + zone.boost, order, highestZone);
  }

  /** rmqueue(). */
  #rmqueueFrom(zone: Zone, order: number, type: number, isNofragment: boolean): number {
    if (this.perCpuLists.serves(order, type)) {
      const found = this.perCpuLists.claim(zone, order, type, isNofragment);
      if (found >= 0) return found;
    }
    return this.#rmqueue.take(zone, order, type, isNofragment);
  }

  /** alloc_pages_bulk(): takes up to `wanted` single pages. Returns their pfns. */
  claimInBulk(
    cpu: number,
    wanted: number,
    type: number,
    { zones, highestZone, isNofragment }: Zonelist,
  ): number[] {
    this.buddy.cpu = cpu;
    const taken: number[] = [];
    for (const index of zones) {
      const zone = this.zones[index];
      if (!zone.isAbove(zone.low + zone.boost + wanted, 0, highestZone)) continue;
      while (taken.length < wanted) {
        const pfn = this.perCpuLists.claimInBulk(zone, 0, type, isNofragment);
        if (pfn < 0) break;
        taken.push(pfn);
      }
      break;
    }
    return taken;
  }

  /** Frees a chunk of a zone, on a CPU. */
  free(cpu: number, zone: Zone, pfn: number, order: number): void {
    this.buddy.cpu = cpu;
    if (!this.perCpuLists.free(zone, pfn, order)) this.buddy.free(zone, pfn, order);
  }

  /** vmstat_update() of a CPU: counters are folded, and idle lists shrink. */
  vmstatUpdate(cpu: number): void {
    this.buddy.cpu = cpu;
    for (const zone of this.zones) {
      zone.foldDiff(cpu);
      this.perCpuLists.decay(zone, cpu);
    }
  }
}
