/**
 * The boot pool of swiotlb, its size and its place. A kernel reserves it before anything else is in memory: one range, from the top
 * of what lies below 4 GiB downward (swiotlb_memblock_alloc(), kernel/dma/swiotlb.c, without SWIOTLB_ANY, as x86 calls it;
 * memblock_find_in_range_node(), mm/memblock.c). Only if there is no room below is it above.
 *
 * A memory state may be one of memory long in use. Then no such range is free, and the pool lies in memory in use: where the
 * kernel of the state has its own reservations.
 */
import type { Geometry, MemoryState, Platform } from '@decpool/model';
import type { PageRun } from '@decpool/model/internal';
import { highestRun } from './contiguous-range.ts';
import { guessesOf } from './counted-start.ts';
import { freePagesAtStart } from './free-at-start.ts';
import { pagesOf } from './memory-layout.ts';
import { ZoneMap } from './zones.ts';

const MIB = 2 ** 20;
/** IO_TLB_DEFAULT_SIZE, include/linux/swiotlb.h. */
const DEFAULT_BYTES = 64 * MIB;

/**
 * Size of the boot pool: in a confidential x86 guest 6 % of its memory, from 64 MiB to 1 GiB (mem_encrypt_setup_arch(),
 * arch/x86/mm/mem_encrypt.c), rounded up to a power of two, so that its areas are equal (round_up_default_nslabs(),
 * kernel/dma/swiotlb.c); elsewhere 64 MiB.
 */
export function bootPoolBytes({ zones }: MemoryState, { confidential, directMap }: Platform): number {
  const isX86 = directMap === 'split';
  return confidential && isX86
    ? confidentialX86Bytes(pagesOf(zones.flatMap(({ ram }) => ram)))
    : DEFAULT_BYTES;
}

/** The same of a confidential x86 guest with so many pages of memory: no platform has a larger pool. */
export function confidentialX86Bytes(pages: number): number {
  const wanted = Math.min(1024 * MIB, Math.max(DEFAULT_BYTES, (pages * 4096 * 6) / 100));
  return 2 ** Math.ceil(Math.log2(wanted));
}

/**
 * Sizes to try, in blocks, largest first: a kernel that finds no room halves the pool until it does (swiotlb_init_remap(),
 * kernel/dma/swiotlb.c).
 */
export function sizesToTry(bytes: number, { pagesPerBlock }: Pick<Geometry, 'pagesPerBlock'>): number[] {
  const sizes: number[] = [];
  for (let blocks = Math.ceil(bytes / (pagesPerBlock * 4096)); blocks >= 1; blocks = Math.floor(blocks / 2)) {
    sizes.push(blocks);
  }
  return sizes;
}

/**
 * The memory state with its boot reservation, if a boot pool of `bytes` has to lie in memory in use. `seed`: as of a page source.
 * If no range serves, the state is returned as it is.
 */
export function withBootPool(
  memory: MemoryState,
  geometry: Geometry,
  seed: number,
  bytes: number,
): MemoryState {
  if (memory.reserved !== undefined) return memory;
  const map = new ZoneMap(memory, geometry);
  const free = freePagesAtStart(memory, geometry, seed);
  for (const blocks of sizesToTry(bytes, geometry)) {
    if (highestRun(map, blocks, (block) => free[block] === geometry.pagesPerBlock) >= 0) return memory;
    const reserved = rangeInUse(memory, geometry, seed, map, blocks);
    if (reserved !== undefined) return { ...memory, reserved };
  }
  return memory;
}

/** The highest range of blocks without a free page. If only counts are known, the free chunks are placed around it. */
function rangeInUse(
  memory: MemoryState,
  geometry: Geometry,
  seed: number,
  map: ZoneMap,
  blocks: number,
): PageRun | undefined {
  const { exact } = memory;
  const free =
    exact === undefined ? undefined : freePagesAtStart(memory, geometry, seed, 'with per-CPU lists');
  const first = highestRun(map, blocks, (block) => free === undefined || free[block] === 0);
  if (first < 0) return undefined;
  const reserved: PageRun = [first * geometry.pagesPerBlock, blocks * geometry.pagesPerBlock];
  const dropped = (state: MemoryState) =>
    guessesOf(state, geometry, seed).reduce((sum, guess) => sum + guess.dropped, 0);
  const isRoomLeft = exact !== undefined || dropped({ ...memory, reserved }) === dropped(memory);
  return isRoomLeft ? reserved : undefined;
}
