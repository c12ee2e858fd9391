/** The page allocator as a kernel left it: from a memory state with every list in its order. */
import { type Geometry, InputError, MAX_PAGE_ORDER, type MemoryState } from '@decpool/model';
import { type ExactCpu, type ExactZone, type PackedChunks, unpackChunks } from '@decpool/model/internal';
import type { Buddy } from './buddy.ts';
import { orderOfIndex, PER_CPU_LISTS } from './chunk-lists.ts';
import { TYPE } from './migratetypes.ts';
import { type Kernel, type KernelRules, PageAllocator, type Zonelist } from './page-allocator.ts';
import type { PerCpuStart } from './per-cpu.ts';
import type { Zone, ZoneStart } from './zone.ts';

/** Pageblocks of x86-64 (pageblock_order, include/linux/pageblock-flags.h). */
const PAGEBLOCK_ORDER = 9;
/** enum zone_flags, include/linux/mmzone.h. */
const ZONE_FLAGS = { boosted: 1, reclaiming: 2, belowHigh: 4 } as const;
/** PCPF_PREV_FREE_HIGH_ORDER and PCPF_FREE_HIGH_BATCH, include/linux/mmzone.h. */
const CPU_FLAGS = { smallChunkFreed: 1, keepsBatch: 2 } as const;
/** Numbers of the zones that a request may use at most, for lowmem_reserve. */
const HIGHEST = { kernel: 2, movable: 3 } as const;

/** The rules of a kernel release, `6.12.95+deb12-amd64`: fallback changed in 6.10 and in 6.15. */
export function kernelOf(release: string): Kernel {
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (match === null) throw new InputError(`kernel '${release}': expected a release like 6.12.95`);
  const version = Number(match[1]) * 100 + Number(match[2]);
  if (version >= 615) return '7.3';
  return version >= 610 ? '6.12' : '6.1';
}

/** Starts from `memory.exact`. Throws InputError if its lists contradict each other or the geometry. */
export function startExactly(
  { name, zones, exact }: MemoryState,
  { spanPages }: Geometry,
  otherRules: Partial<KernelRules> = {},
): PageAllocator {
  if (exact === undefined) throw new InputError(`memory state '${name}' has no free lists, only counts`);
  if (exact.zones.length !== zones.length) {
    throw new InputError(
      `memory state '${name}' has the free lists of ${exact.zones.length} zones, not of ${zones.length}`,
    );
  }
  const cpus = exact.zones.at(0)?.cpus.length ?? 0;
  if (cpus === 0 || exact.zones.some((zone) => zone.cpus.length !== cpus)) {
    throw new InputError(`memory state '${name}': expected the lists of the same CPUs for each zone`);
  }
  const allocator = new PageAllocator({
    kernel: kernelOf(exact.kernel),
    spanPages,
    pageblockOrder: PAGEBLOCK_ORDER,
    cpus,
    otherRules,
    zones: exact.zones.map(zoneStart),
    perCpu: exact.zones.map(({ cpus }) => cpus.map(perCpuStart)),
  });
  const label = (index: number) => `memory state '${name}', zone ${zones[index].name}`;
  for (const [index, zone] of exact.zones.entries()) setPageblocks(allocator.buddy, zone, label(index));
  const chunks = new StartChunks(spanPages);
  for (const [index, zone] of exact.zones.entries()) {
    fillLists(allocator, allocator.zones[index], zone, chunks, label(index));
  }
  return allocator;
}

/**
 * The way of a request through the zones: from the highest down. Pageblocks are kept whole on a first round if Normal is tried
 * first (alloc_flags_nofragment).
 */
export function reachOf({ zones }: MemoryState, highest: keyof typeof HIGHEST): Zonelist {
  return {
    zones: zones.map((_, index) => zones.length - 1 - index),
    localZones: zones.length,
    highestZone: HIGHEST[highest],
    isNofragment: zones.at(-1)?.name === 'Normal',
  };
}

const zoneStart = (zone: ExactZone, index: number): ZoneStart => ({
  ...zone,
  index,
  isBoosted: (zone.flags & ZONE_FLAGS.boosted) !== 0,
  isReclaiming: (zone.flags & ZONE_FLAGS.reclaiming) !== 0,
  isBelowHigh: (zone.flags & ZONE_FLAGS.belowHigh) !== 0,
});

const perCpuStart = ({ flags = 0, ...cpu }: ExactCpu): PerCpuStart => ({
  ...cpu,
  wasSmallChunkFreed: (flags & CPU_FLAGS.smallChunkFreed) !== 0,
  keepsBatch: (flags & CPU_FLAGS.keepsBatch) !== 0,
});

function setPageblocks(buddy: Buddy, { end, pageblocks, movable }: ExactZone, where: string): void {
  for (const [first, blocks, type] of pageblocks) {
    if (first + (blocks - 1) * buddy.pageblockPages >= end) {
      throw new InputError(`${where}: ${blocks} pageblocks from page ${first} on end behind the zone`);
    }
    for (let block = 0; block < blocks; block++) {
      buddy.setType(first + (block << PAGEBLOCK_ORDER), 0, TYPE[type]);
    }
  }
  for (const [first, blocks, pages] of movable) {
    buddy.movableIn.fill(pages, buddy.blockOf(first), buddy.blockOf(first) + blocks);
  }
}

function fillLists(
  { buddy, perCpuLists }: PageAllocator,
  zone: Zone,
  { lists, cpus, freeCounter }: ExactZone,
  chunks: StartChunks,
  where: string,
): void {
  for (const [order, type, packed] of lists) {
    for (const pfn of chunks.read(packed, order, zone, `${where}, free list of order ${order}, ${type}`)) {
      buddy.addAtStart(zone.index, order, TYPE[type], pfn);
    }
  }
  zone.freeCounter = freeCounter;
  for (const [cpu, { lists: ofCpu, freeDiff }] of cpus.entries()) {
    zone.diffs[cpu] = freeDiff;
    for (const [index, packed] of ofCpu) {
      if (index >= PER_CPU_LISTS) {
        throw new InputError(`${where}: list ${index} of CPU ${cpu}; expected 0 to ${PER_CPU_LISTS - 1}`);
      }
      const order = orderOfIndex(index, PAGEBLOCK_ORDER);
      for (const pfn of chunks.read(packed, order, zone, `${where}, list ${index} of CPU ${cpu}`)) {
        perCpuLists.addAtStart(zone, cpu, index, pfn);
      }
    }
  }
}

/** Reads lists of chunks, and refuses a page that is in two of them: the links of the lists would run in circles. */
export class StartChunks {
  readonly #isFree: Uint8Array;

  constructor(spanPages: number) {
    this.#isFree = new Uint8Array(spanPages);
  }

  read(
    packed: PackedChunks,
    order: number,
    zone: { readonly start: number; readonly end: number },
    where: string,
  ): number[] {
    const pages = 1 << order;
    const pfns = unpackChunks(packed, Math.min(zone.end, this.#isFree.length));
    for (const pfn of pfns) {
      const end = pfn + pages;
      if (order > MAX_PAGE_ORDER || pfn % pages !== 0 || pfn < zone.start || end > zone.end) {
        throw new InputError(`${where}: no chunk of order ${order} of the zone begins at page ${pfn}`);
      }
      for (let page = pfn; page < end; page++) {
        if (this.#isFree[page] === 1)
          throw new InputError(`${where}: page ${page} is in a list a second time`);
        this.#isFree[page] = 1;
      }
    }
    return pfns;
  }
}
