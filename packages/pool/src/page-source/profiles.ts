/** Memory states that nobody recorded: a guest after a fresh boot, and one whose memory was fragmented. */
import {
  InputError,
  MAX_PAGE_ORDER,
  type MappingLevel,
  type MappingRun,
  type MemoryState,
  MIGRATETYPES,
  type Migratetype,
  type PageRun,
  type ZoneState,
} from '@decpool/model';
import { randomFrom } from './random.ts';

const PAGE = 4096;
const PAGEBLOCK_PAGES = 512;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Where zones end on x86: MAX_DMA_PFN and MAX_DMA32_PFN, arch/x86/include/asm/dma.h. */
const DMA_END = (16 * MIB) / PAGE;
const DMA32_END = (4 * GIB) / PAGE;
/** Where the hole for devices begins, as QEMU's q35 machine lays out more than 2.75 GiB (recorded iomem: 3 GiB). */
const HOLE_START = (3 * GIB) / PAGE;

/**
 * Memory that a booted kernel holds: its image and initial allocations, and struct page for every page frame
 * (64 bytes a page, include/linux/mm_types.h).
 */
const KERNEL_BYTES = 64 * MIB;
const STRUCT_PAGE_BYTES = 64;

/** A guest of `bytes` of memory just booted: nearly all of it free in the largest chunks. */
export function freshBoot(bytes: number): MemoryState {
  const ram = ramOf(bytes);
  let kernelBlocks = Math.ceil(
    (KERNEL_BYTES + (bytes / PAGE) * STRUCT_PAGE_BYTES) / (PAGEBLOCK_PAGES * PAGE),
  );
  const zones = zonesOf(ram)
    .reverse()
    .map((zone) => {
      const blocks = pageblocksOf(zone.ram);
      const used = zone.name === 'DMA' ? 1 : Math.min(blocks >> 1, kernelBlocks);
      if (zone.name !== 'DMA') kernelBlocks -= used;
      const free = blocks - used;
      const movable = emptyOrders();
      movable[MAX_PAGE_ORDER] = free >> 1;
      movable[MAX_PAGE_ORDER - 1] = free & 1;
      return zoneState(zone, { Movable: movable }, { Unmovable: used, Movable: free });
    })
    .reverse();
  return { name: `fresh boot ${sizeName(bytes)}`, zones, directMap: directMapOf(ram) };
}

/** Of the pages taken from a fragmented pageblock, the fraction that was freed again at random. */
const FREED_FRACTION = 0.6;

/**
 * A guest whose memory was fragmented: `fraction` of the pageblocks above the DMA zone were filled with order-0
 * pages, and 60 % of those freed at random, as in the recordings made with fragmented memory. `seed` decides which.
 */
export function fragmented(bytes: number, fraction: number, seed: number): MemoryState {
  if (!(fraction >= 0 && fraction <= 1)) {
    throw new InputError(`a fragmented fraction of ${fraction}: must be from 0 to 1`);
  }
  const fresh = freshBoot(bytes);
  const random = randomFrom(seed);
  const zones = fresh.zones.map((zone) => {
    if (zone.name === 'DMA') return zone;
    const movable = [...zone.free.Movable];
    const chunks = Math.round(movable[MAX_PAGE_ORDER] * fraction);
    movable[MAX_PAGE_ORDER] -= chunks;
    const unmovable = emptyOrders();
    for (let block = 0; block < 2 * chunks; block++) countRandomFree(unmovable, random);
    return {
      ...zone,
      free: { ...zone.free, Unmovable: unmovable, Movable: movable },
      pageblocks: {
        ...zone.pageblocks,
        Unmovable: zone.pageblocks.Unmovable + 2 * chunks,
        Movable: zone.pageblocks.Movable - 2 * chunks,
      },
    };
  });
  return { ...fresh, name: `${sizeName(bytes)} fragmented ${fraction} seed ${seed}`, zones };
}

/** Adds to `orders` what is free in a pageblock of which each page is free with FREED_FRACTION, as merged buddies. */
function countRandomFree(orders: number[], random: { below(limit: number): number }): void {
  let free = Array.from({ length: PAGEBLOCK_PAGES }, () => random.below(1000) < FREED_FRACTION * 1000);
  for (let order = 0; free.length > 0; order++) {
    const merged: boolean[] = [];
    for (let at = 0; at < free.length; at += 2) {
      const both = free[at] && free[at + 1];
      if (!both) orders[order] += Number(free[at]) + Number(free[at + 1] ?? false);
      merged.push(both);
    }
    if (free.length === 1) return;
    free = merged;
  }
}

function ramOf(bytes: number): PageRun[] {
  if (!Number.isInteger(bytes) || bytes < 64 * MIB || bytes > 1023 * GIB || bytes % (2 * MIB) !== 0) {
    // With the hole below 4 GiB, 1023 GiB end at 1 TiB: as far as a geometry goes.
    throw new InputError(`memory of ${bytes} bytes: must be from 64 MiB to 1023 GiB, a multiple of 2 MiB`);
  }
  const pages = bytes / PAGE;
  const low = Math.min(pages, HOLE_START);
  const high = pages - low;
  return high === 0
    ? [[0, low]]
    : [
        [0, low],
        [DMA32_END, high],
      ];
}

function zonesOf(ram: readonly PageRun[]): { name: string; ram: PageRun[] }[] {
  const bounds: readonly [string, number, number][] = [
    ['DMA', 0, DMA_END],
    ['DMA32', DMA_END, DMA32_END],
    ['Normal', DMA32_END, Number.POSITIVE_INFINITY],
  ];
  return bounds
    .map(([name, from, to]) => ({
      name,
      ram: ram
        .map(([start, pages]): PageRun => {
          const first = Math.max(start, from);
          return [first, Math.max(0, Math.min(start + pages, to) - first)];
        })
        .filter(([, pages]) => pages > 0),
    }))
    .filter((zone) => zone.ram.length > 0);
}

const pageblocksOf = (ram: readonly PageRun[]) =>
  ram.reduce((blocks, [, pages]) => blocks + pages / PAGEBLOCK_PAGES, 0);

const emptyOrders = () => new Array<number>(MAX_PAGE_ORDER + 1).fill(0);

function zoneState(
  zone: { name: string; ram: PageRun[] },
  free: Partial<Record<Migratetype, number[]>>,
  pageblocks: Partial<Record<Migratetype, number>>,
): ZoneState {
  const perType = <Value>(value: (type: Migratetype) => Value) =>
    Object.fromEntries(MIGRATETYPES.map((type) => [type, value(type)])) as Record<Migratetype, Value>;
  return {
    ...zone,
    free: perType((type) => free[type] ?? emptyOrders()),
    lowWatermark: 0,
    pageblocks: perType((type) => pageblocks[type] ?? 0),
  };
}

/**
 * The direct map that a kernel with 1G pages builds over RAM: 1G entries for whole aligned GiB, 2M for whole aligned
 * blocks, and 4K for the rest and for the first 2 MiB (init_memory_mapping, arch/x86/mm/init.c).
 */
export function directMapOf(ram: readonly PageRun[]): MappingRun[] {
  const region = GIB / PAGE;
  const runs: MappingRun[] = [];
  const map = (from: number, to: number, level: MappingLevel) => {
    if (from < to) runs.push([from, to - from, level]);
  };
  for (const [start, pages] of ram) {
    const end = start + pages;
    for (let at = start; at < end; ) {
      const next = Math.min(end, (Math.floor(at / region) + 1) * region);
      if (next - at === region && at > 0) {
        map(at, next, 3);
      } else {
        const firstWhole = Math.max(1, Math.ceil(at / PAGEBLOCK_PAGES)) * PAGEBLOCK_PAGES;
        const lastWhole = Math.floor(next / PAGEBLOCK_PAGES) * PAGEBLOCK_PAGES;
        map(at, Math.min(firstWhole, next), 1);
        map(firstWhole, lastWhole, 2);
        map(Math.max(at, firstWhole, lastWhole), next, 1);
      }
      at = next;
    }
  }
  return runs;
}

function sizeName(bytes: number): string {
  return bytes % GIB === 0 ? `${bytes / GIB} GiB` : `${bytes / MIB} MiB`;
}
