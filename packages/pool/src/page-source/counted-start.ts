/**
 * A page allocator started from the counts of a memory state, as /proc/buddyinfo and /proc/pagetypeinfo have them: the free chunks
 * are placed by a seeded guess, or where they are known to be, in lists of seeded order. The per-CPU lists are empty.
 */
import type { Geometry, MemoryState, PageSourceSettings } from '@decpool/model';
import type { PageRun, ZoneState } from '@decpool/model/internal';
import type { Buddy } from '../page-allocator/buddy.ts';
import { TYPE } from '../page-allocator/migratetypes.ts';
import { type Kernel, PageAllocator } from '../page-allocator/page-allocator.ts';
import type { PerCpuStart } from '../page-allocator/per-cpu.ts';
import type { ZoneStart } from '../page-allocator/zone.ts';
import { placeKnown } from './known-places.ts';
import { Latest } from './latest.ts';
import { managedPages } from './memory-layout.ts';
import { guessPlacement, type PlacementGuess } from './placement-guess.ts';

/** The rules of a setting. */
const KERNELS: Readonly<Record<PageSourceSettings['kernel'], Kernel>> = {
  '6.x': '6.1',
  '6.12': '6.12',
  '7.x': '7.3',
};

/** Pages in a MiB. */
const MIB_PAGES = 256;
/** MIN_PERCPU_PAGELIST_HIGH_FRACTION, mm/page_alloc.c: the lists of all CPUs hold at most an eighth of a zone. */
const HIGH_FRACTION = 8;

/** zone_batchsize() for a zone of so many pages: pages moved at once between the lists and the zone. Of a small zone it is 1. */
export function batchOf(managedPages: number): number {
  const batch = Math.max(2, Math.min(managedPages >> 10, MIB_PAGES) >> 2);
  return (1 << (31 - Math.clz32(batch + (batch >> 1)))) - 1;
}

/** zone_highsize(): of each CPU, the pages in its lists from which on a free empties a batch. */
export function highMarkOf(lowWatermark: number, batch: number, cpus = 1): number {
  return Math.max(Math.floor(lowWatermark / cpus), batch * 4);
}

/** Of a zone by its index; far apart, so that no seed gives one zone what its neighbour seed gives another. */
const seedOfZone = (seed: number, index: number) => (seed + index * 0x9e3779b1) | 0;

/** By the counts and the seed. The runs of a comparison start from the same guesses, and each asks for its own more than once. */
const guesses = new Latest<readonly PlacementGuess[]>(4);

/** Of each zone, where its free chunks are: as recorded, or a guess. */
export const guessesOf = (
  { zones, reserved }: MemoryState,
  geometry: Geometry,
  seed: number,
): readonly PlacementGuess[] =>
  guesses.get(JSON.stringify([zones, reserved, geometry, seed]), () =>
    zones.map((zone, index) =>
      zone.positions === undefined
        ? guessPlacement(zone, geometry, seedOfZone(seed, index), reserved)
        : placeKnown(zone, zone.positions, geometry, seedOfZone(seed, index)),
    ),
  );

interface CountedStart {
  readonly allocator: PageAllocator;
  /** Chunks that had to go into a pageblock of another migratetype. */
  readonly misplaced: number;
  /** Chunks that fit nowhere. */
  readonly dropped: number;
}

export function startFromCounts(
  memory: MemoryState,
  geometry: Geometry,
  seed: number,
  { kernel, perCpuLists, cpus = 1 }: PageSourceSettings,
): CountedStart {
  const pageblockOrder = Math.log2(geometry.pagesPerBlock);
  const zones = memory.zones.map((zone, index) => zoneStart(zone, index, memory.reserved));
  const allocator = new PageAllocator({
    kernel: KERNELS[kernel],
    spanPages: geometry.spanPages,
    pageblockOrder,
    cpus,
    zones,
    perCpu: perCpuLists ? zones.map((zone) => Array(cpus).fill(perCpuStart(zone, cpus))) : [],
  });
  const { buddy } = allocator;
  let misplaced = 0;
  let dropped = 0;
  for (const [index, guess] of guessesOf(memory, geometry, seed).entries()) {
    for (const [block, type] of guess.pageblocks) buddy.setType(block * buddy.pageblockPages, 0, type);
    for (const { pfn, order, type } of guess.chunks) {
      buddy.addAtStart(index, order, type, pfn);
      allocator.zones[index].freeCounter += 1 << order;
    }
    setMovable(buddy, memory.zones[index], guess.pageblocks);
    misplaced += guess.misplaced;
    dropped += guess.dropped;
  }
  return { allocator, misplaced, dropped };
}

/**
 * Which pages in use can move. With positions that is recorded for each pageblock. Of page cache the number is known: pageblocks are full of it, one after the other, as far as it goes.
 * Without that number, what is in use in Movable pageblocks can move.
 */
function setMovable(
  buddy: Buddy,
  { pageCache, positions }: ZoneState,
  pageblocks: ReadonlyMap<number, number>,
): void {
  if (positions !== undefined) {
    for (const [first, blocks, pages] of positions.movable) {
      buddy.movableIn.fill(pages, buddy.blockOf(first), buddy.blockOf(first) + blocks);
    }
    return;
  }
  let left = pageCache ?? Number.POSITIVE_INFINITY;
  for (const [block, type] of pageblocks) {
    if (pageCache === undefined && type !== TYPE.Movable) continue;
    const used = buddy.pageblockPages - buddy.freePagesIn[block];
    buddy.movableIn[block] = Math.min(left, used);
    left -= buddy.movableIn[block];
  }
}

function zoneStart(
  { ram, lowWatermark, watermarks }: ZoneState,
  index: number,
  reserved: PageRun | undefined,
): ZoneStart {
  const { min = 0, low = lowWatermark, high = lowWatermark, lowmemReserve = [] } = watermarks ?? {};
  return {
    index,
    start: Math.min(...ram.map(([start]) => start)),
    end: Math.max(...ram.map(([start, pages]) => start + pages)),
    managed: managedPages(ram, reserved),
    min,
    low,
    high,
    lowmemReserve,
    boost: 0,
    reservedHighatomic: 0,
    isReclaiming: false,
    isBelowHigh: false,
    isBoosted: false,
  };
}

/** zone_set_pageset_high_and_batch(). */
export function perCpuStart({ managed, low }: Pick<ZoneStart, 'managed' | 'low'>, cpus: number): PerCpuStart {
  const batch = batchOf(managed);
  const high = highMarkOf(low, batch, cpus);
  const highMax = Math.max(high, Math.floor(managed / HIGH_FRACTION / cpus));
  return { batch, high, highMin: high, highMax };
}
