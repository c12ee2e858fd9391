/** Small objects and bounce-buffer slots: units of slabs. Their pages come from who serves pages: the policy, or an atomic DMA pool. */
import {
  type AllocateRequest,
  type AllocationId,
  type FreeRequest,
  GFP_KERNEL,
  InvariantError,
  orderFor,
  PAGE_SIZE,
  type SlabId,
} from '@decpool/model';
import { attributesOf, maySleep, PAGE_SHIFT, pagesFor, slabId } from '@decpool/model/internal';
import type { PageServer } from './dma-pool/page-server.ts';
import type { EventRecorder } from './event-recorder.ts';
import { type SlabCache, slabKey } from './slab/slab-cache.ts';
import type { PlacedObject, SlabLayer } from './slab/slab-layer.ts';
import {
  MAX_MAPPING_BYTES,
  mayTakeSlots,
  SWIOTLB_PAGES,
  type Swiotlb,
  slotsAlign,
} from './swiotlb/swiotlb.ts';

/** Share of the bounce buffers' slots that a caller that may sleep leaves to streaming maps. */
const KEPT_FOR_MAPS = 0.5;

export class ObjectAllocator {
  readonly #recorder: EventRecorder;
  readonly #pages: PageServer;
  readonly #slabs: SlabLayer;
  readonly #swiotlb: Swiotlb | undefined;

  constructor(recorder: EventRecorder, pages: PageServer, slabs: SlabLayer, swiotlb: Swiotlb | undefined) {
    this.#recorder = recorder;
    this.#pages = pages;
    this.#slabs = slabs;
    this.#swiotlb = swiotlb;
  }

  /**
   * Serves a request for pages from free slots of the bounce buffers. Returns false if they have none for it. Half of the slots
   * are kept for streaming maps, and for callers that may not sleep.
   */
  allocateSlots(request: AllocateRequest): boolean {
    const { allocation, bytes } = request;
    if (!mayTakeSlots(request)) return false;
    if (this.#swiotlb?.isWithin(this.#recorder.reach) !== true) return false;
    const { slots } = this.#swiotlb;
    if (slots.freeShare < KEPT_FOR_MAPS && maySleep(request.gfp ?? GFP_KERNEL)) return false;
    const { units, align } = naturalUnits(bytes, SWIOTLB_PAGES);
    const place = slots.placeLowest(units, align);
    if (place === undefined) return false;
    this.#recorder.emit.objectAllocated({ allocation, ...place, bytes: units * SWIOTLB_PAGES.unitBytes });
    return true;
  }

  /** Serves or refuses a request from a cache. */
  allocate(request: AllocateRequest, cache: SlabCache): void {
    if (!cache.grows) {
      this.#allocateAsSwiotlb(request, cache);
      return;
    }
    const { units, align } = unitsFor(request, cache);
    const key = slabKey(cache, attributesOf(request));
    let place = this.#slabs.place(key, units, align);
    if (place === undefined) {
      if (!this.#createSlab(request, cache, key)) return;
      place = this.#slabs.place(key, units, align);
    }
    if (place === undefined) {
      throw new InvariantError(`${units} units of ${cache.name} do not fit into a slab of their own`);
    }
    this.#emitAllocated(request, place, units * cache.unitBytes);
  }

  /** Serves or refuses a request as swiotlb_find_slots() does (kernel/dma/swiotlb.c). */
  #allocateAsSwiotlb(request: AllocateRequest, cache: SlabCache): void {
    if (request.bytes > MAX_MAPPING_BYTES) {
      this.#recorder.fail('too-large');
      return;
    }
    if (this.#swiotlb?.isWithin(this.#recorder.reach) === false) {
      this.#recorder.fail('out-of-memory');
      return;
    }
    const { units, align } = unitsFor(request, cache);
    const place = this.#swiotlb?.slots.placeNext(units, align, request.cpu ?? 0);
    if (place !== undefined) {
      this.#emitAllocated(request, place, units * cache.unitBytes);
      return;
    }
    this.#swiotlb?.exhausted();
    if (this.#swiotlb?.isDynamic === true) this.#pages.allocateTransientPool(request);
    else this.#recorder.fail('swiotlb-full');
  }

  #emitAllocated({ allocation }: AllocateRequest, place: PlacedObject, bytes: number): void {
    this.#recorder.emit.objectAllocated({ allocation, ...place, bytes });
  }

  /** Returns false if the pages were refused of the slab. */
  #createSlab(request: AllocateRequest, cache: SlabCache, key: string): boolean {
    const { pages, unitBytes } = cache;
    const recorder = this.#recorder;
    const number = recorder.ownerNumber(cache.name);
    const ofSlab = { ...request, api: 'alloc_pages', pages, bytes: pages * PAGE_SIZE } as const;
    if (!this.#pages.allocate(ofSlab, request)) return false;
    const { allocation } = request;
    recorder.emit.slabCreated({ allocation, pfn: recorder.servedStart, pages, unitBytes, cache: number });
    this.#slabs.created(slabId(recorder.view.counter('slabs')), cache, key);
    return true;
  }

  /** Frees an object. Returns its slab if that is empty now and is not kept. */
  free(allocation: AllocationId): SlabId | undefined {
    const { object } = this.#recorder.view.allocation(allocation);
    if (object === undefined) throw new InvariantError(`allocation ${allocation} is no object`);
    this.#recorder.emit.objectFreed({ allocation });
    const slab = slabId(object.slab);
    const slots = this.#swiotlb?.slots;
    if (slots?.has(slab) === true) {
      slots.freed(slab, object.unit, object.units);
      return undefined;
    }
    return this.#slabs.freed(slab, object.unit, object.units) ? slab : undefined;
  }

  /** Gives the pages of an empty slab back, on behalf of the free that left it empty. */
  destroySlab(slab: SlabId, request: FreeRequest): void {
    if (!this.#slabs.isEmpty(slab)) return;
    this.#recorder.emit.slabDestroyed({ allocation: request.allocation, slab });
    this.#slabs.destroyed(slab);
    this.#pages.free(request);
  }
}

/** Units for a request, and the multiple at which they begin. */
function unitsFor(request: AllocateRequest, cache: SlabCache): { units: number; align: number } {
  if (cache.alignment === 'natural') return naturalUnits(request.bytes, cache);
  return {
    units: Math.max(1, Math.ceil(request.bytes / cache.unitBytes)),
    align: request.api === 'dma_map' ? slotsAlign(request) : 1,
  };
}

/** Units that whole pages for so many bytes take, and the multiple at which they begin. */
function naturalUnits(bytes: number, { unitBytes }: SlabCache): { units: number; align: number } {
  const units = Math.max(1, Math.ceil((pagesFor(bytes, PAGE_SHIFT) * PAGE_SIZE) / unitBytes));
  return { units, align: 1 << orderFor(units) };
}
