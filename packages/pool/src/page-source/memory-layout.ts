/** How the memory of a made-up x86 guest is laid out: RAM, the hole below 4 GiB, nodes, zones and the direct map. */
import {
  InputError,
  MAX_PAGE_ORDER,
  type MappingLevel,
  type MappingRun,
  type Migratetype,
} from '@decpool/model';
import { MAX_NODE, MIGRATETYPES, type PageRun, type ZoneState } from '@decpool/model/internal';

export const PAGE = 4096;
export const PAGEBLOCK_PAGES = 512;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** Where zones end on x86: MAX_DMA_PFN and MAX_DMA32_PFN, arch/x86/include/asm/dma.h. */
const DMA_END = (16 * MIB) / PAGE;
const DMA32_END = (4 * GIB) / PAGE;
/** Where the hole for devices begins, as QEMU's q35 machine lays out more than 2.75 GiB (recorded iomem: 3 GiB). */
const HOLE_START = (3 * GIB) / PAGE;

/** Pages that a node has at least, and pages that its size is a multiple of, the last node's apart. */
const SMALLEST_NODE = (64 * MIB) / PAGE;
const NODE_GRAIN = 1 << MAX_PAGE_ORDER;

/** RAM of a guest of `bytes` of memory. Throws InputError for a size that is not modelled. */
export function ramOf(bytes: number): PageRun[] {
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

/** A zone before it is known what is free in it. */
interface ZoneLayout {
  readonly name: string;
  readonly node: number;
  readonly ram: readonly PageRun[];
}

/**
 * Cuts RAM into NUMA nodes, evenly and in address order, and those into zones, from low to high memory. With 3 GiB a
 * node or more, node 0 has DMA, DMA32 and its part of Normal, the others only Normal. Throws InputError for more
 * nodes than there may be.
 */
export function zonesOf(ram: readonly PageRun[], nodes: number): ZoneLayout[] {
  const pages = pagesOf(ram);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODE + 1 || pages / nodes < SMALLEST_NODE) {
    throw new InputError(
      `${nodes} NUMA nodes in ${sizeName(pages * PAGE)}: must be a whole number from 1 to ${MAX_NODE + 1}, with 64 MiB or more for each`,
    );
  }
  // Whole chunks of the highest order, so that none lies in two nodes.
  const share = Math.floor(pages / nodes / NODE_GRAIN) * NODE_GRAIN;
  return Array.from({ length: nodes }, (_, node) => node).flatMap((node) => {
    const to = node === nodes - 1 ? pages : (node + 1) * share;
    return zonesOfNode(node, pagesBetween(ram, node * share, to));
  });
}

/** The RAM from the `from`-th page of RAM to before the `to`-th. */
function pagesBetween(ram: readonly PageRun[], from: number, to: number): PageRun[] {
  let before = 0;
  return ram
    .map(([start, pages]): PageRun => {
      const first = Math.max(0, from - before);
      const end = Math.min(pages, to - before);
      before += pages;
      return [start + first, end - first];
    })
    .filter(([, pages]) => pages > 0);
}

function zonesOfNode(node: number, ram: readonly PageRun[]): ZoneLayout[] {
  const bounds: readonly [string, number, number][] = [
    ['DMA', 0, DMA_END],
    ['DMA32', DMA_END, DMA32_END],
    ['Normal', DMA32_END, Number.POSITIVE_INFINITY],
  ];
  return bounds
    .map(([name, from, to]) => ({
      name,
      node,
      ram: ram
        .map(([start, pages]): PageRun => {
          const first = Math.max(start, from);
          return [first, Math.max(0, Math.min(start + pages, to) - first)];
        })
        .filter(([, pages]) => pages > 0),
    }))
    .filter((zone) => zone.ram.length > 0);
}

export const pagesOf = (ram: readonly PageRun[]): number => ram.reduce((sum, [, pages]) => sum + pages, 0);

/** Pages of RAM that memblock has not reserved: those are the page allocator's. */
export function managedPages(ram: readonly PageRun[], reserved: PageRun = [0, 0]): number {
  const [start, pages] = reserved;
  const isHere = ram.some(([first, count]) => first <= start && start < first + count);
  return pagesOf(ram) - (isHere ? pages : 0);
}

export const pageblocksOf = (ram: readonly PageRun[]): number => pagesOf(ram) / PAGEBLOCK_PAGES;

export const emptyOrders = (): number[] => new Array<number>(MAX_PAGE_ORDER + 1).fill(0);

/** A zone with these free chunks by migratetype and order, and these numbers of pageblocks; default: 0. */
export function zoneState(
  zone: ZoneLayout,
  free: Partial<Record<Migratetype, readonly number[]>>,
  pageblocks: Partial<Record<Migratetype, number>>,
  lowWatermark = 0,
): ZoneState {
  const perType = <Value>(value: (type: Migratetype) => Value) =>
    Object.fromEntries(MIGRATETYPES.map((type) => [type, value(type)])) as Record<Migratetype, Value>;
  return {
    name: zone.name,
    ...(zone.node === 0 ? {} : { node: zone.node }),
    ram: zone.ram,
    free: perType((type) => free[type] ?? emptyOrders()),
    lowWatermark,
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

/** `4 GiB`, `98 MiB`. */
export function sizeName(bytes: number): string {
  return bytes % GIB === 0 ? `${bytes / GIB} GiB` : `${bytes / MIB} MiB`;
}

/** What a name says of nodes, where there is more than one. */
/** The end of the name of every profile: no kernel was in this state. */
export const madeUp = (nodes: number): string => `${nodes === 1 ? '' : `, ${nodes} nodes`} (made up)`;
