/**
 * Shared memory in a Linux kernel of today: every driver allocates and converts its own. LinuxVersion is what differs between
 * versions.
 *
 * - Pages, and what a driver takes from kmalloc() to share it: whole pages of the request's order, converted by
 *   themselves. An exact count gives the rest of its power of two back at once (alloc_pages_exact(), mm/page_alloc.c).
 * - Coherent DMA buffers (kernel/dma/direct.c): the same, but only the pages that the buffer fills are converted, and the
 *   rest stays tied up. A caller that may not sleep is served from the atomic DMA pools (dma-pool/atomic-pools.ts). On `pkvm` they
 *   come from a restricted DMA pool: slots of the bounce buffers, at most 256 KiB (swiotlb_alloc(), kernel/dma/swiotlb.c); a guest
 *   without any has no place for them. There an NVMe descriptor takes a page, while a dma_pool would pack 16 into one.
 * - Tables and lists that their drivers pack into pages: driver-pools.ts.
 * - Memory from vmalloc(): vmalloc-area.ts, unless the version has a better way.
 *
 * A driver that may not sleep and asks for anything else is refused if a conversion may sleep.
 */
import {
  type AllocateRequest,
  type AllocationId,
  type Extent,
  type FailureReason,
  type FreeRequest,
  MAX_PAGE_ORDER,
  orderFor,
  type StateView,
} from '@decpool/model';
import { hasRestrictedPool } from '@decpool/model/internal';
import type { Policy, PolicyFactory, Recorder } from '../policy.ts';
import type { SlabCache } from '../slab/slab-cache.ts';
import { MAX_MAPPING_BYTES, SWIOTLB_PAGES } from '../swiotlb/swiotlb.ts';
import { driverPoolFor } from './driver-pools.ts';
import {
  addChunk,
  addChunks,
  allocateInChunks,
  allocateOnItsOwn,
  type Chunk,
  freeEachOnItsOwn,
  type Held,
  returnOnItsOwn,
} from './on-its-own.ts';
import { isCoherent } from './owners.ts';
import { allocateArea, convertsAreas, returnArea } from './vmalloc-area.ts';

export interface LinuxVersion {
  readonly name: string;
  /** Largest order in which vmalloc() takes its pages. */
  readonly vmallocOrder: number;
  /** Whether what an owner takes from vmalloc() is made of contiguous chunks that are converted one by one instead. */
  usesChunks(owner: string): boolean;
  /** Whether an owner keeps what it freed of its vmalloc() chunks, shared, for its next request. Default: no. */
  keeps?(owner: string): boolean;
  /** Free pages of each atomic DMA pool below which it grows. Default: by the size of memory. */
  readonly atomicPoolPages?: number;
  /** Whether requests of at most 256 KiB take free slots of swiotlb's boot pool. Default: no. */
  readonly triesSwiotlbFirst?: boolean;
  /**
   * Whether requests above 256 KiB take whole pageblocks as long as there are any, and convert all of them: the pages behind what they
   * use stay with them, shared. Default: no.
   */
  readonly takesWholeBlocks?: boolean;
}

export const linux =
  (version: LinuxVersion): PolicyFactory =>
  (view) =>
    new Linux(version, view);

class Linux implements Policy {
  readonly name: string;
  /** dma_direct_alloc() and dma_direct_free(), kernel/dma/direct.c; __vmbus_establish_gpadl(), drivers/hv/channel.c; its_alloc_pages_node(). */
  readonly leaksAtOnce = true;
  readonly atomicPoolPages?: number;
  readonly triesSwiotlbFirst: boolean;
  readonly #version: LinuxVersion;
  readonly #view: StateView;
  /** Freed buffers that their owners keep, and whether they are whole pageblocks. */
  readonly #kept = new Map<string, { readonly extents: readonly Extent[]; readonly isWhole: boolean }>();
  /** Allocations that are whole pageblocks. */
  readonly #whole = new Set<AllocationId>();

  constructor(version: LinuxVersion, view: StateView) {
    this.name = version.name;
    this.#version = version;
    this.#view = view;
    this.triesSwiotlbFirst = version.triesSwiotlbFirst === true && view.platform.confidential;
    if (version.atomicPoolPages !== undefined) this.atomicPoolPages = version.atomicPoolPages;
  }

  cacheFor(request: AllocateRequest): SlabCache | undefined {
    const { platform } = this.#view;
    return isCoherent(request) && hasRestrictedPool(platform)
      ? SWIOTLB_PAGES
      : driverPoolFor(request, platform);
  }

  allocate(request: AllocateRequest, view: StateView, record: Recorder): void {
    if (request.api === 'vmalloc') this.#vmalloc(request, view, record);
    else if (orderFor(request.pages) > MAX_PAGE_ORDER) record.fail('too-large');
    else if (
      !this.#takesWholeBlocks(request, record, (unit) =>
        addChunk({ ...chunkFor(request), ...unit }, view, record),
      )
    )
      allocateOnItsOwn(chunkFor(request), view, record);
  }

  /** Whether a request was served with whole pageblocks. */
  #takesWholeBlocks(
    { allocation, bytes }: AllocateRequest,
    record: Recorder,
    add: (unit: { readonly unitPages: number }) => FailureReason | undefined,
  ): boolean {
    if (this.#version.takesWholeBlocks !== true || bytes <= MAX_MAPPING_BYTES || !record.mayConvert)
      return false;
    if (add(this.#unit) !== undefined) return false;
    this.#whole.add(allocation);
    return true;
  }

  get #unit(): { readonly unitPages: number } {
    return { unitPages: this.#view.geometry.pagesPerBlock };
  }

  #heldAs(tail: Chunk['tail'], isWhole: boolean): Held {
    return isWhole ? { tail, ...this.#unit } : { tail };
  }

  #vmalloc(request: AllocateRequest, view: StateView, record: Recorder): void {
    const usesChunks = this.#version.usesChunks(request.owner);
    if (!usesChunks && !convertsAreas(view.platform)) record.fail('unsupported');
    else if (!record.mayConvert) record.fail('would-sleep');
    else if (this.#takesKept(request, view, record)) return;
    else if (usesChunks) {
      const add = (unit: { readonly unitPages: number }) =>
        addChunks(request, { ...VMBUS_CHUNKS, ...unit }, view, record);
      if (!this.#takesWholeBlocks(request, record, add))
        allocateInChunks(request, VMBUS_CHUNKS, view, record);
    } else allocateArea(request, this.#version.vmallocOrder, view, record);
  }

  /** Gives an owner what it has kept. If the size is another one, or the place is out of reach, that goes back first. */
  #takesKept({ allocation, owner, pages }: AllocateRequest, view: StateView, record: Recorder): boolean {
    const known = this.#kept.get(owner);
    if (known === undefined) return false;
    const { extents: kept, isWhole } = known;
    this.#kept.delete(owner);
    const { firstBlock, endBlock } = record.reach;
    const { pagesPerBlock } = view.geometry;
    const isUsable =
      kept.reduce((sum, extent) => sum + extent.pages, 0) === pages &&
      kept.every(({ pfn }) => pfn >= firstBlock * pagesPerBlock && pfn < endBlock * pagesPerBlock);
    for (const { pfn, pages: count } of kept) {
      if (isUsable) record.allocate(pfn, count);
      else returnOnItsOwn(pfn, count, this.#heldAs('kept', isWhole), view, record);
    }
    if (isUsable && isWhole) this.#whole.add(allocation);
    return isUsable;
  }

  free({ allocation }: FreeRequest, view: StateView, record: Recorder): void {
    const api = view.apiOf(allocation);
    if (api === 'vmalloc') this.#vfree(allocation, view, record);
    else
      freeEachOnItsOwn(allocation, this.#heldAs(tailOf(api), this.#whole.delete(allocation)), view, record);
  }

  #vfree(allocation: AllocationId, view: StateView, record: Recorder): void {
    const { owner, extents } = view.allocation(allocation);
    for (const { pfn, pages } of extents) record.free(pfn, pages);
    const isWhole = this.#whole.delete(allocation);
    const isKept = this.#version.keeps?.(owner) === true && !this.#kept.has(owner);
    if (isKept) this.#kept.set(owner, { extents, isWhole });
    else if (!this.#version.usesChunks(owner)) returnArea(extents, view, record);
    else {
      const held = this.#heldAs('kept', isWhole);
      for (const { pfn, pages } of extents) returnOnItsOwn(pfn, pages, held, view, record);
    }
  }
}

/** vmbus_alloc_buffer(), drivers/hv/channel.c: __GFP_NORETRY above order 0. */
const VMBUS_CHUNKS = { effort: 'noretry', fillsGranules: true } as const;

const tailOf = (api: AllocateRequest['api']): Chunk['tail'] =>
  api === 'alloc_pages_exact' ? 'returned' : 'kept';

function chunkFor({ api, pages }: AllocateRequest): Chunk {
  const order = orderFor(pages);
  const isFilled = api === 'dma_alloc_coherent' || api === 'alloc_pages_exact';
  return { order, pages: isFilled ? pages : 1 << order, tail: tailOf(api) };
}
