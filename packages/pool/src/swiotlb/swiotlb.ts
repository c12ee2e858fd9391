/**
 * The bounce buffers of swiotlb (kernel/dma/swiotlb.c): a pool that is shared at boot for good, cut into slots of 2 KiB.
 * A mapping takes consecutive slots of a segment of 128, so it is at most 256 KiB. Here a segment is a slab, and its slots
 * are the units; where they are taken: slot-areas.ts. Streaming maps go to this pool under every policy. One of a page or more begins with a page, and so does one of a
 * driver whose device keeps the offset in the page: what it maps is assumed to begin with a page (swiotlb_search_pool_area()).
 *
 * If it is dynamic, a worker adds a pool after a map found no slots. That map gets a transient pool of its own, from the atomic DMA
 * pools (swiotlb_alloc_tlb()) or what replaces them.
 */
import {
  type AllocateRequest,
  GFP_KERNEL,
  InputError,
  PAGE_SIZE,
  type Pfn,
  pfn as toPfn,
} from '@decpool/model';
import { isHeapChunk, keepsPageOffset } from '../baselines/owners.ts';
import { type EventRecorder, NO_ALLOCATION } from '../event-recorder.ts';
import { sizesToTry } from '../page-source/boot-reservation.ts';
import type { BlockRange } from '../policy.ts';
import type { SlabCache } from '../slab/slab-cache.ts';
import { SEGMENT_SLOTS, SlotAreas } from './slot-areas.ts';

/** IO_TLB_SIZE, include/linux/swiotlb.h. */
const SLOT_BYTES = 2048;
const SEGMENT_PAGES = (SLOT_BYTES * SEGMENT_SLOTS) / 4096;
/** Largest mapping, bytes. */
export const MAX_MAPPING_BYTES = SLOT_BYTES * SEGMENT_SLOTS;

export const SWIOTLB_CACHE: SlabCache = {
  name: 'swiotlb',
  unitBytes: SLOT_BYTES,
  pages: SEGMENT_PAGES,
  keepsEmpty: true,
  grows: false,
  alignment: 'unit',
};

/**
 * Whether memory for a request can be slots, beside the streaming maps. A chunk of the dma-buf heap cannot: its devices map it as it is,
 * and the unmap would free the slots at its address (swiotlb_tbl_unmap_single(), from dma_direct_unmap_phys()).
 */
export const mayTakeSlots = (request: AllocateRequest): boolean =>
  request.bytes <= MAX_MAPPING_BYTES && !isHeapChunk(request);

/** Slots at a multiple of which a streaming map begins. */
export const slotsAlign = ({ bytes, owner }: AllocateRequest): number =>
  bytes >= PAGE_SIZE || keepsPageOffset(owner) ? PAGE_SIZE / SLOT_BYTES : 1;

/** Coherent memory from the same slots: whole pages, aligned to the next power of two of their size (swiotlb_alloc()). */
export const SWIOTLB_PAGES: SlabCache = Object.freeze({ ...SWIOTLB_CACHE, alignment: 'natural' });

/** The bounce buffers of a guest (kernel/dma/swiotlb.c). */
export interface SwiotlbSettings {
  /** Of the boot pool, a multiple of 256 KiB from 1 MiB on; it is made of whole blocks, so it may be larger. */
  readonly bytes: number;
  /** CONFIG_SWIOTLB_DYNAMIC: after a mapping that found no slots a worker adds a pool. */
  readonly dynamic: boolean;
  /** Areas of a pool, a power of two: the kernel has one for each CPU that may run (swiotlb_adjust_nareas()). Default: 1. */
  readonly areas?: number;
}

const MIB = 2 ** 20;
/** IO_TLB_MIN_SLABS, kernel/dma/swiotlb.c. */
const LEAST_BYTES = MIB;

/** Orders of what a dynamic pool adds: 4 MiB at the most, 1 MiB at the least (swiotlb_dyn_alloc()). */
const GROW_ORDERS = [10, 9, 8];

/** alloc_dma_pages() tries once to make pages private whose conversion failed. */
const RETRIES = 1;

export class Swiotlb {
  readonly #settings: SwiotlbSettings;
  readonly #events: EventRecorder;
  readonly slots: SlotAreas;
  readonly #pieces: { readonly start: Pfn; readonly pages: number }[] = [];
  /** Whether a mapping found no slots since the worker ran. */
  #isExhausted = false;

  /** Throws InputError for a size that no boot pool has. */
  constructor(settings: SwiotlbSettings, events: EventRecorder) {
    const { bytes, areas = 1 } = settings;
    if (!Number.isInteger(bytes) || bytes < LEAST_BYTES || bytes % MAX_MAPPING_BYTES !== 0) {
      throw new InputError(
        `a swiotlb boot pool of ${bytes} bytes: must be a multiple of ${MAX_MAPPING_BYTES / 1024} KiB, at least ${LEAST_BYTES / MIB} MiB`,
      );
    }
    if (!Number.isInteger(Math.log2(areas))) {
      throw new InputError(`a swiotlb pool of ${areas} areas: must be a power of two`);
    }
    this.#settings = settings;
    this.#events = events;
    this.slots = new SlotAreas(areas);
  }

  get isDynamic(): boolean {
    return this.#settings.dynamic;
  }

  get hasWork(): boolean {
    return this.#settings.dynamic && this.#isExhausted;
  }

  /** Whether all of the pool lies in a range: a device that reaches no further can use it. */
  isWithin({ firstBlock, endBlock }: BlockRange): boolean {
    return this.#pieces.every(({ start, pages }) => {
      const { pagesPerBlock } = this.#events.view.geometry;
      return start >= firstBlock * pagesPerBlock && start + pages <= endBlock * pagesPerBlock;
    });
  }

  /** A mapping was refused. */
  exhausted(): void {
    this.#isExhausted = true;
  }

  /**
   * Makes the boot pool: one range, shared in one call. The kernel only page-aligns it and then splits up to two large
   * pages; here it is made of whole blocks. Throws InputError if there is no block for it.
   */
  boot(): void {
    this.#events.begin(NO_ALLOCATION, GFP_KERNEL);
    const { geometry } = this.#events.view;
    for (const blocks of sizesToTry(this.#settings.bytes, geometry)) {
      const start = this.#events.claimContiguous(blocks);
      if (start === -1) continue;
      this.#add(start, blocks * geometry.pagesPerBlock);
      return;
    }
    throw new InputError(
      'swiotlb boot pool: no 2 MiB block for it; expected one that is free as a whole, or wholly in use',
    );
  }

  /** swiotlb_dyn_alloc(): adds a pool; it is never freed. */
  grow(): void {
    this.#events.begin(NO_ALLOCATION, GFP_KERNEL);
    this.#isExhausted = false;
    for (const order of GROW_ORDERS) {
      const start = this.#events.claim(order);
      if (start === -1) continue;
      this.#add(start, 2 ** order);
      return;
    }
  }

  #add(start: Pfn, pages: number): void {
    const result = this.#events.setMemory.decrypt(start, pages, RETRIES);
    if (result === 'private') this.#events.giveBack(start, pages);
    if (result !== 'converted') return;
    this.#pieces.push({ start, pages });
    const cache = this.#events.ownerNumber(SWIOTLB_CACHE.name);
    this.slots.add(this.#events.view.counter('slabs') + 1, pages / SEGMENT_PAGES);
    for (let at: number = start; at < start + pages; at += SEGMENT_PAGES) {
      this.#events.emit.slabCreated({
        allocation: NO_ALLOCATION,
        pfn: toPfn(at),
        pages: SEGMENT_PAGES,
        unitBytes: SLOT_BYTES,
        cache,
      });
    }
  }
}
