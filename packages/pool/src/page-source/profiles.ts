/** Memory states that nobody recorded: a guest after a fresh boot, and one whose memory was fragmented. */
import { InputError, MAX_PAGE_ORDER, type MemoryState } from '@decpool/model';
import type { PageRun, ZoneState } from '@decpool/model/internal';
import { confidentialX86Bytes, sizesToTry } from './boot-reservation.ts';
import {
  directMapOf,
  emptyOrders,
  MIB,
  madeUp,
  PAGE,
  PAGEBLOCK_PAGES,
  pageblocksOf,
  pagesOf,
  ramOf,
  sizeName,
  zoneState,
  zonesOf,
} from './memory-layout.ts';
import { randomFrom } from './random.ts';

export { directMapOf } from './memory-layout.ts';

/**
 * Memory that a booted kernel holds: its image and initial allocations on node 0, and on each node struct page for
 * every page frame there (64 bytes a page, include/linux/mm_types.h; sparse_init_nid, mm/sparse.c).
 */
const KERNEL_BYTES = 64 * MIB;
const STRUCT_PAGE_BYTES = 64;

/** A guest of `bytes` of memory in so many NUMA nodes, just booted: nearly all of it free in the largest chunks. */
export function freshBoot(bytes: number, nodes = 1): MemoryState {
  const ram = ramOf(bytes);
  const layout = zonesOf(ram, nodes);
  const kernelBlocks = Array.from({ length: nodes }, (_, node) => {
    const pages = layout.reduce((sum, zone) => sum + (zone.node === node ? pagesOf(zone.ram) : 0), 0);
    const held = (node === 0 ? KERNEL_BYTES : 0) + pages * STRUCT_PAGE_BYTES;
    return Math.ceil(held / (PAGEBLOCK_PAGES * PAGE));
  });
  const zones = layout
    .reverse()
    .map((zone) => {
      const blocks = pageblocksOf(zone.ram);
      const used = zone.name === 'DMA' ? 1 : Math.min(blocks >> 1, kernelBlocks[zone.node]);
      if (zone.name !== 'DMA') kernelBlocks[zone.node] -= used;
      const free = blocks - used;
      return zoneState(zone, { Movable: chunksOf(free) }, { Unmovable: used, Movable: free });
    })
    .reverse();
  return { name: `fresh boot ${sizeName(bytes)}${madeUp(nodes)}`, zones, directMap: directMapOf(ram) };
}

/**
 * The guest with the boot pool of swiotlb reserved, as large as any platform has it, at the top of the highest zone below 4 GiB that
 * has room for it: what is left of it can be used and fragmented.
 */
export function withReservation(fresh: MemoryState): MemoryState & { readonly reserved: PageRun } {
  const bytes = confidentialX86Bytes(pagesOf(fresh.zones.flatMap(({ ram }) => ram)));
  for (const blocks of sizesToTry(bytes, { pagesPerBlock: PAGEBLOCK_PAGES })) {
    const zone = fresh.zones.findLast(({ name, free }) => name === 'DMA32' && freeBlocks(free) > blocks);
    if (zone === undefined) continue;
    // Zone DMA32 has one run of RAM, which begins with such a chunk.
    const [[start, pages]] = zone.ram;
    // From the begin of a chunk of the highest order on, so that below it there are whole ones.
    const first = alignedDown(start + pages - blocks * PAGEBLOCK_PAGES, 1 << MAX_PAGE_ORDER);
    const reserved: PageRun = [first, start + pages - first];
    const zones = fresh.zones.map((each) => (each === zone ? without(zone, reserved[1]) : each));
    return { ...fresh, zones, reserved };
  }
  throw new InputError(`memory '${fresh.name}': no room for the boot pool of swiotlb`);
}

const alignedDown = (pfn: number, pages: number): number => pfn - (pfn % pages);

const freeBlocks = ({ Movable }: ZoneState['free']): number =>
  2 * Movable[MAX_PAGE_ORDER] + Movable[MAX_PAGE_ORDER - 1];

/** A zone with so many free pages fewer, which are whole pageblocks. */
function without(zone: ZoneState, pages: number): ZoneState {
  return {
    ...zone,
    free: { ...zone.free, Movable: chunksOf(freeBlocks(zone.free) - pages / PAGEBLOCK_PAGES) },
  };
}

/** Free pageblocks in the largest chunks. */
function chunksOf(blocks: number): number[] {
  const orders = emptyOrders();
  orders[MAX_PAGE_ORDER] = blocks >> 1;
  orders[MAX_PAGE_ORDER - 1] = blocks & 1;
  return orders;
}

/** Of the pages taken from a fragmented pageblock, the fraction that was freed again at random. */
const FREED_FRACTION = 0.6;

/**
 * A guest whose memory was fragmented after boot: `fraction` of the pageblocks above the DMA zone were filled with order-0
 * pages, and 60 % of those freed at random, as in the recordings made with fragmented memory. `seed`
 * decides which.
 */
export function fragmented(bytes: number, fraction: number, seed: number, nodes = 1): MemoryState {
  if (!(fraction >= 0 && fraction <= 1)) {
    throw new InputError(`fragmented=${fraction}: expected a fraction from 0 to 1`);
  }
  const fresh = withReservation(freshBoot(bytes, nodes));
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
  const name = `${sizeName(bytes)} fragmented ${fraction} seed ${seed}${madeUp(nodes)}`;
  return { ...fresh, name, zones };
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
