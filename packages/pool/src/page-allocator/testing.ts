/** Small hand-built zones for the specs of this folder. */

import type { Migratetype } from '@decpool/model';
import { MIGRATETYPES } from '@decpool/model/internal';
import { TYPE } from './migratetypes.ts';
import { type Kernel, type KernelRules, PageAllocator, type Zonelist } from './page-allocator.ts';
import type { PerCpuStart } from './per-cpu.ts';
import type { ZoneStart } from './zone.ts';

/** Of each zone: eight pageblocks. */
export const ZONE_PAGES = 4096;

export interface CpuSketch extends PerCpuStart {
  /** By index: pages of the lists, head first. */
  readonly lists?: Readonly<Record<number, readonly number[]>>;
}

/** What is free in a zone; all other pages are in use. */
export interface ZoneSketch extends Partial<ZoneStart> {
  /** Free lists, head first; pages are those of the whole span. */
  readonly free?: readonly (readonly [order: number, type: Migratetype, pfns: readonly number[]])[];
  /** Of pageblocks that are not Unmovable. */
  readonly types?: Readonly<Record<number, Migratetype>>;
  /** Pages on LRU lists, by pageblock. */
  readonly movable?: Readonly<Record<number, number>>;
  /** None: there are no per-CPU lists. */
  readonly cpus?: readonly CpuSketch[];
}

/** Zone i spans the pages from i * ZONE_PAGES on. */
export function allocatorOf(
  kernel: Kernel,
  sketches: readonly ZoneSketch[],
  otherRules: Partial<KernelRules> = {},
): PageAllocator {
  const cpus = Math.max(1, sketches[0].cpus?.length ?? 0);
  const allocator = new PageAllocator({
    kernel,
    spanPages: ZONE_PAGES * sketches.length,
    pageblockOrder: 9,
    cpus,
    zones: sketches.map(zoneStart),
    perCpu: sketches.flatMap(({ cpus }) => (cpus === undefined ? [] : [cpus])),
    otherRules,
  });
  const { buddy, perCpuLists, zones } = allocator;
  for (let block = 0; block < 8 * sketches.length; block++) buddy.setType(block * 512, 0, TYPE.Unmovable);
  for (const [index, { free = [], types = {}, movable = {}, cpus = [] }] of sketches.entries()) {
    for (const [block, type] of Object.entries(types)) buddy.setType(Number(block) * 512, 0, TYPE[type]);
    for (const [block, pages] of Object.entries(movable)) buddy.movableIn[Number(block)] = pages;
    for (const [order, type, pfns] of free) {
      for (const pfn of pfns) buddy.addAtStart(index, order, TYPE[type], pfn);
      zones[index].freeCounter += pfns.length << order;
    }
    for (const [cpu, { lists = {} }] of cpus.entries()) {
      for (const [list, pfns] of Object.entries(lists)) {
        for (const pfn of pfns) perCpuLists.addAtStart(zones[index], cpu, Number(list), pfn);
      }
    }
  }
  return allocator;
}

function zoneStart(sketch: ZoneSketch, index: number): ZoneStart {
  return {
    managed: ZONE_PAGES,
    min: 0,
    low: 0,
    high: sketch.low ?? 0,
    boost: 0,
    lowmemReserve: [],
    reservedHighatomic: 0,
    isReclaiming: false,
    isBelowHigh: false,
    isBoosted: false,
    ...sketch,
    index,
    start: index * ZONE_PAGES,
    end: (index + 1) * ZONE_PAGES,
  };
}

/** GFP_KERNEL: all zones from the highest down. */
export const zonelistOf = (zones: number, isNofragment = false): Zonelist => ({
  zones: Array.from({ length: zones }, (_, index) => zones - 1 - index),
  localZones: zones,
  highestZone: 2,
  isNofragment,
});

/** The pages of so many requests in a row, on a CPU. */
export const claims = (
  allocator: PageAllocator,
  count: number,
  {
    order = 0,
    type = 'Unmovable' as Migratetype,
    cpu = 0,
    zonelist = zonelistOf(allocator.zones.length),
  } = {},
): number[] =>
  Array.from({ length: count }, () => allocator.claim(cpu, order, MIGRATETYPES.indexOf(type), zonelist));

/** Frees chunks, on a CPU. */
export function frees(allocator: PageAllocator, pfns: readonly number[], order = 0, cpu = 0): void {
  for (const pfn of pfns) allocator.free(cpu, allocator.zones[Math.floor(pfn / ZONE_PAGES)], pfn, order);
}

export const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => first + at);
