import type { Migratetype } from './migratetypes.ts';
import { type AllocationId, type Nanoseconds, orderFor } from './units.ts';
import { unknownName } from './unknown-name.ts';

/**
 * Which kernel interface a request comes through.
 * - `alloc_pages`: 2^order contiguous pages, naturally aligned.
 * - `alloc_pages_exact`: a count of contiguous pages, aligned to the next power of two of the count.
 * - `vmalloc`: a count of pages that need not be contiguous, mapped one behind the other in a vmalloc area.
 * - `kmalloc`: an object of some bytes; a small one shares its page with others.
 * - `dma_alloc_coherent`: a buffer of some bytes for a device, contiguous and aligned to the next power of two.
 * - `dma_map`: a streaming mapping of some bytes: a copy in the bounce buffers of swiotlb. Its free is the unmap.
 */
export const APIS = [
  'alloc_pages',
  'alloc_pages_exact',
  'vmalloc',
  'kmalloc',
  'dma_alloc_coherent',
  'dma_map',
] as const;
/** The kernel interface that a request is made by. */
export type Api = (typeof APIS)[number];

/** Whether callers of an interface ask for bytes; the pages of such a request are those that its bytes fill. */
export const isInBytes = (api: Api): boolean =>
  api === 'kmalloc' || api === 'dma_alloc_coherent' || api === 'dma_map';

/**
 * Flags of a request, by their names in include/linux/gfp_types.h. No flag is GFP_KERNEL, which may sleep and so convert;
 * GFP_ATOMIC and GFP_NOWAIT may not. `__GFP_DMA` and `__GFP_DMA32` name the highest zone; __GFP_RECLAIMABLE
 * and __GFP_ACCOUNT choose slab caches; with __GFP_NORETRY the page allocator does not try hard.
 */
export const GFP = {
  GFP_ATOMIC: 1,
  GFP_NOWAIT: 2,
  __GFP_DMA: 4,
  __GFP_DMA32: 8,
  __GFP_RECLAIMABLE: 16,
  __GFP_ACCOUNT: 32,
  __GFP_NORETRY: 64,
} as const;
type GfpFlag = keyof typeof GFP;
const GFP_NAMES = Object.keys(GFP) as readonly GfpFlag[];
/** All flags of GFP at once. */
export const ALL_FLAGS = GFP_NAMES.reduce((all, name) => all | GFP[name], 0);

/** GFP_KERNEL: no flag that is modelled here. */
export const GFP_KERNEL = 0;

/** Whether a caller with these flags may sleep: only then may memory be converted for it. */
export const maySleep = (gfp: number): boolean => (gfp & (GFP.GFP_ATOMIC | GFP.GFP_NOWAIT)) === 0;

/** As the kernel's traces print them: `GFP_KERNEL`, `GFP_ATOMIC|__GFP_DMA32`. */
export function gfpName(gfp: number): string {
  const names: string[] = GFP_NAMES.filter((name) => (gfp & GFP[name]) !== 0);
  if (maySleep(gfp)) names.unshift('GFP_KERNEL');
  return names.join('|');
}

/** The flags that a name as of gfpName() stands for. Throws InputError for a flag that is not modelled. */
export function gfpNamed(name: string): number {
  let gfp = GFP_KERNEL;
  for (const flag of name.split('|')) {
    if (flag === 'GFP_KERNEL') continue;
    const known = GFP_NAMES.find((candidate) => candidate === flag);
    if (known === undefined) {
      throw unknownName({ kind: 'gfp flag', given: flag, known: ['GFP_KERNEL', ...GFP_NAMES] });
    }
    gfp |= GFP[known];
  }
  return gfp;
}

/** The highest zone that flags allow: gfp_zone(), include/linux/gfp.h. */
export function zoneOf(gfp: number): 'DMA' | 'DMA32' | 'Normal' {
  if (gfp & GFP.__GFP_DMA) return 'DMA';
  return gfp & GFP.__GFP_DMA32 ? 'DMA32' : 'Normal';
}

/** Any NUMA node: NUMA_NO_NODE. */
export const ANY_NODE = -1;
/** Highest node number of a request: MAX_NUMNODES of x86, less one for "any". */
export const MAX_NODE = 62;

/** Highest number of a CPU that a request can name. */
export const MAX_CPU = 255;

/** A driver asks for shared memory. */
export interface AllocateRequest {
  readonly kind: 'allocate';
  /** Simulated ns; never smaller than the request before. */
  readonly time: Nanoseconds;
  /** The name this allocation has from now on; fresh in every request. */
  readonly allocation: AllocationId;
  readonly api: Api;
  /** Whole pages wanted; for `alloc_pages` a power of two. What the bytes fill, for requests in bytes. */
  readonly pages: number;
  /** Bytes the caller can use; at most pages x page size. What is over is internal fragmentation. */
  readonly bytes: number;
  /** Who asks, as a kernel engineer would name it: a device, a driver, a function. */
  readonly owner: string;
  /** Flags of GFP; default: GFP_KERNEL. */
  readonly gfp?: number;
  /** NUMA node whose memory it must be; default: any. */
  readonly node?: number;
  /** Alignment in bytes that a `kmalloc` asks for beyond its own, a power of two up to a page; default: none. */
  readonly align?: number;
  /** CPU that asks, whose per-CPU lists serve it; default: CPU 0. If the page source has fewer CPUs, they take turns. */
  readonly cpu?: number;
}

/** A driver frees an allocation, all of it. */
export interface FreeRequest {
  readonly kind: 'free';
  readonly time: Nanoseconds;
  readonly allocation: AllocationId;
  /** Flags of the context that frees; default: GFP_KERNEL. One that may not sleep leaves conversions to a worker. */
  readonly gfp?: number;
  /** CPU that frees; default: CPU 0. */
  readonly cpu?: number;
}

/** A driver maps all of an allocation into user space (remap_pfn_range()), or takes such a mapping away. */
export interface UserMapRequest {
  readonly kind: 'map-user' | 'unmap-user';
  readonly time: Nanoseconds;
  readonly allocation: AllocationId;
}

/** Somebody else takes pages from the page allocator, or gives them back: it ages the free lists that a policy claims from. */
export type BackgroundRequest =
  | {
      readonly kind: 'background-allocate';
      readonly time: Nanoseconds;
      /** Names the chunk until its free: a whole number. */
      readonly key: number;
      /** 2^order pages. */
      readonly order: number;
      readonly migratetype: Migratetype;
      /** CPU that asks; default: CPU 0. */
      readonly cpu?: number;
    }
  | {
      readonly kind: 'background-free';
      readonly time: Nanoseconds;
      readonly key: number;
      /** CPU that frees; default: CPU 0. */
      readonly cpu?: number;
    };

/** What a workload is made of, in the order of time. */
export type Request = AllocateRequest | FreeRequest | UserMapRequest | BackgroundRequest;

/** gfp, alignment, node and CPU of a request in one word, as a log's row and the state hold them. */
export function attributesOf({
  gfp = GFP_KERNEL,
  node = ANY_NODE,
  align = 1,
  cpu = 0,
}: Partial<AllocateRequest>): number {
  return (gfp | (align === 1 ? 0 : orderFor(align) << 8) | ((node + 1) << 16) | (cpu << 24)) >>> 0;
}

/** Flags of GFP, from a request's attributes. */
export const gfpOf = (attributes: number): number => attributes & 0xff;
/** Alignment in bytes, from a request's attributes; 1: none. */
export const alignOf = (attributes: number): number => 1 << ((attributes >>> 8) & 0xff);
/** NUMA node, from a request's attributes; ANY_NODE: any. */
export const nodeOf = (attributes: number): number => ((attributes >>> 16) & 0xff) - 1;

/** CPU, from a request's attributes. */
export const cpuOf = (attributes: number): number => attributes >>> 24;

/** Whether a word can be the attributes of a request. */
export const areAttributes = (attributes: number): boolean =>
  (gfpOf(attributes) & ~ALL_FLAGS) === 0 &&
  ((attributes >>> 8) & 0xff) <= 12 &&
  ((attributes >>> 16) & 0xff) <= MAX_NODE + 1;
