/**
 * Slab caches for shared memory: `kmalloc-decrypted-N`, as proposed on the kernel mailing list in June 2024. They never
 * merge with private caches, and all pages of their slabs come from the policy, shared already.
 */
import { type AllocateRequest, GFP, GFP_KERNEL, orderFor, PAGE_SIZE, type Platform } from '@decpool/model';
import { gfpOf, nodeOf } from '@decpool/model/internal';

/** How a cache cuts pages into units. */
export interface SlabCache {
  /** As in /proc/slabinfo. */
  readonly name: string;
  /** Bytes of a unit; at most 512 of them in a slab. */
  readonly unitBytes: number;
  /** Pages of a slab, a power of two. */
  readonly pages: number;
  /** Whether an empty slab stays. */
  readonly keepsEmpty: boolean;
  /** Whether the policy makes more slabs when all are full. */
  readonly grows: boolean;
  /** How objects lie: `unit` at any unit; `natural` in whole pages, aligned to the next power of two of their size. */
  readonly alignment: 'unit' | 'natural';
}

/**
 * kmalloc_info[], mm/slab_common.c: powers of two, and 96 and 192 in between, up to KMALLOC_MAX_CACHE_SIZE (include/linux/slab.h): what is
 * larger takes whole pages.
 */
const SIZES = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192] as const;
/** The smallest size class that keeps the alignment of DMA and of the caller; undefined if the object takes whole pages. */
export function kmallocSize(bytes: number, dmaMinAlign: number, align = 1): number | undefined {
  const alignment = Math.max(dmaMinAlign, align);
  return SIZES.find((size) => size >= bytes && size >= alignment && size % alignment === 0);
}

/**
 * The cache for a `kmalloc` or a small `dma_alloc_coherent`; undefined if the request takes whole pages. A coherent buffer is
 * aligned to the next power of two of its size, and one larger than half a page takes a whole page.
 */
export function slabCacheFor(request: AllocateRequest, { dmaMinAlign }: Platform): SlabCache | undefined {
  const { api, bytes, gfp = GFP_KERNEL } = request;
  if (api === 'dma_alloc_coherent' ? bytes > PAGE_SIZE / 2 : api !== 'kmalloc') return undefined;
  const align = api === 'kmalloc' ? request.align : 1 << orderFor(bytes);
  const size = kmallocSize(bytes, dmaMinAlign, align);
  if (size === undefined) return undefined;
  return {
    name: `${cachePrefix(gfp)}-${sizeName(size)}`,
    unitBytes: size,
    pages: 2 ** slabOrder(size),
    keepsEmpty: false,
    grows: true,
    alignment: 'unit',
  };
}

/**
 * The set of caches for these flags: kmalloc_type(), include/linux/slab.h, with the flags in the order of the prototype of 2024:
 * DMA, DECRYPTED, RECLAIMABLE, ACCOUNT. There a DMA cache is private; here all requests are for shared memory, so DMA caches
 * are a shared set of their own, and the last two flags have no effect.
 */
export function cachePrefix(gfp: number): string {
  return (gfp & GFP.__GFP_DMA) !== 0 ? 'dma-kmalloc-decrypted' : 'kmalloc-decrypted';
}

const sizeName = (size: number) => (size >= 1024 ? `${size / 1024}k` : `${size}`);

/** slub_max_order and the CPUs that slub_min_objects is computed from: mm/slub.c; 8 CPUs are an assumption. */
const SLUB_MAX_ORDER = 3;
const SLUB_CPUS = 8;
/** calculate_order(): 4 * (fls(CPUs) + 1) objects at the least. */
const SLUB_MIN_OBJECTS = 4 * (32 - Math.clz32(SLUB_CPUS) + 1);

/**
 * Order of the slabs of a size class: the smallest that holds enough objects, or 3. It may waste a 16th of its pages (calculate_order(),
 * mm/slub.c); the size classes waste a 64th at most.
 */
export function slabOrder(size: number): number {
  const most = (PAGE_SIZE * 2 ** SLUB_MAX_ORDER) / size;
  return orderFor(Math.ceil((Math.min(SLUB_MIN_OBJECTS, most) * size) / PAGE_SIZE));
}

/** Two requests share slabs only when they ask for the same zone and node. */
export const slabKey = (cache: SlabCache, attributes: number): string => {
  const zone = gfpOf(attributes) & (GFP.__GFP_DMA | GFP.__GFP_DMA32);
  return `${cache.name}/${zone}/${nodeOf(attributes)}`;
};
