/**
 * What a confidential-computing platform does in a conversion. Each is a file in platforms/. No latency is modelled, because
 * no measured conversion latency is public.
 */
import * as z from 'zod';
import type { Geometry } from './geometry.ts';
import { pageStateEntries } from './page-state-entries.ts';
import { whole } from './schemas.ts';
import type { Pfn } from './units.ts';

/** The two conversions, in the order of their codes in events. */
export const DIRECTIONS = ['decrypt', 'encrypt'] as const;
/** `decrypt`: private -> shared (set_memory_decrypted); `encrypt`: shared -> private (set_memory_encrypted). */
export type Direction = (typeof DIRECTIONS)[number];

/** Page sizes of a host, in pages of the guest: 4, 16 and 64 KiB. */
export const GRANULES = [1, 4, 16] as const;
/** Page size of a host, in pages of the guest. */
export type GranulePages = (typeof GRANULES)[number];

/** Its keys are in the order in which a log's header has them. */
export const platformSchema = z
  .strictObject({
    name: z.string(),
    /** False only on `none`: conversion is a no-op that succeeds and changes no state. */
    confidential: z.boolean(),
    /** Calls to the host that one conversion of a physically contiguous range takes. */
    hostCalls: z
      .discriminatedUnion('kind', [
        /** A page-state-change list of `entries` entries per call; an aligned whole block is one entry. */
        z.strictObject({ kind: z.literal('page-state-list'), entries: whole.min(1) }),
        /** One call for the whole range. */
        z.strictObject({ kind: z.literal('per-range') }),
        /** A list of up to `pages` single pages per call. */
        z.strictObject({ kind: z.literal('page-list'), pages: whole.min(1) }),
        /** Conversion does nothing. */
        z.strictObject({ kind: z.literal('none') }),
      ])
      .readonly(),
    /**
     * What a conversion does to the kernel's direct map.
     * - `split`: it is mapped by 1G, 2M and 4K entries, and a conversion splits those it does not cover.
     * - `contiguous`: the same, with runs of 16 entries of 2M (32M) and of 4K (64K) that the TLB may take for one. A conversion
     *   splits the entries that its two ends lie inside of, step by step, and nothing between them.
     * - `pages`: it is mapped by 4K entries from boot; a conversion changes them and there is nothing to split.
     * - `untouched`: a conversion does not change it.
     */
    directMap: z.enum(['split', 'contiguous', 'pages', 'untouched']),
    /** Walks over the range's page-table entries in one conversion. */
    pageTablePasses: whole,
    /** Whether the TLB is flushed after the change. */
    flushAfter: z.boolean(),
    /** Directions in which caches and TLB are flushed before the change as well. */
    flushBefore: z.array(z.enum(DIRECTIONS)).readonly(),
    /**
     * Flushes of the page-table passes before and after the host call (`hyperv-vtom`: set_memory_np(), set_memory_p()).
     * Default: 0, as in logs of older versions.
     */
    flushesAround: whole.exactOptional(),
    /**
     * False if nothing is flushed when an entry of the direct map is split (FEAT_BBML3). Default: each split adds a flush, as in logs
     * of older versions and on x86.
     */
    flushesSplits: z.literal(false).exactOptional(),
    /** A range of more pages is flushed with one full flush, a smaller one page by page: tlb_single_page_flush_ceiling, arch/x86/mm/tlb.c. */
    fullFlushAbovePages: whole,
    /** Re-form the 2M mapping of a block once all of it is private again. Real x86 kernels do not. */
    restore: z.boolean(),
    /**
     * Whether memory can be converted by its vmalloc address: yes, page by page; no, the call returns -EINVAL; or no, because the
     * physical address that the platform's code computes from it means nothing.
     */
    vmallocAddress: z.enum(['converted', 'rejected', 'unsupported']),
    /** Address and size of a conversion must be multiples of so many pages: the page size of the host. */
    granulePages: z.literal(GRANULES),
    /**
     * What a load_unaligned_zeropad() does that reads past the end of a private page into one that is shared or being converted:
     * a fault that the kernel fixes up, one that ends the guest, or no fault. `impossible` on every platform if the kernel is
     * built without DCACHE_WORD_ACCESS.
     */
    strayRead: z.enum(['fixed up', 'fatal', 'impossible']),
    /** Smallest alignment of memory for DMA, bytes: ARCH_DMA_MINALIGN. No slab cache has smaller objects. */
    dmaMinAlign: whole.min(1),
  })
  .readonly();
/** What conversions do on a kind of guest: direct map, calls to the host, TLB flushes, limits. platformNamed() gives one. */
export type Platform = z.infer<typeof platformSchema>;

/** Whether the direct map has entries that a conversion can split, and a restore put back. */
export const hasLargePages = ({ directMap }: Platform): boolean =>
  directMap === 'split' || directMap === 'contiguous';

/**
 * Whether a conversion may sleep, so that none can run for GFP_ATOMIC and GFP_NOWAIT callers. One that can split an entry of the
 * direct map takes locks and page-table pages (__change_page_attr(), arch/x86/mm/pat/set_memory.c; split_kernel_leaf_mapping(),
 * arch/arm64/mm/mmu.c). Others write page-table entries that are there, or none, and call the host: the tables of the ITS are
 * converted with GFP_NOWAIT (its_alloc_pages_node(), drivers/irqchip/irq-gic-v3-its.c).
 */
export const conversionMaySleep = (platform: Platform): boolean =>
  platform.confidential && hasLargePages(platform);

/** Calls to the host for converting [start, start + pages), a physically contiguous range. */
export function hostCallsFor(platform: Platform, geometry: Geometry, start: Pfn, pages: number): number {
  switch (platform.hostCalls.kind) {
    case 'none':
      return 0;
    case 'per-range':
      return 1;
    case 'page-list':
      return Math.ceil(pages / platform.hostCalls.pages);
    case 'page-state-list':
      return Math.ceil(pageStateEntries(geometry, start, pages) / platform.hostCalls.entries);
  }
}

/**
 * Calls to the host for `pages` more pages of one call on a vmalloc address, of which `before` pages are done: the entries
 * of such a call are pages, whatever they lie in.
 */
export function hostCallsByPage(platform: Platform, before: number, pages: number): number {
  const { hostCalls } = platform;
  if (hostCalls.kind === 'none') return 0;
  if (hostCalls.kind === 'per-range') return 1;
  const perCall = hostCalls.kind === 'page-list' ? hostCalls.pages : hostCalls.entries;
  return Math.ceil((before + pages) / perCall) - Math.ceil(before / perCall);
}

/** TLB flushes of one conversion, full or ranged, without those of the splits it causes. */
export const flushCount = (
  { flushBefore, flushAfter, flushesAround = 0 }: Platform,
  direction: Direction,
): number => Number(flushBefore.includes(direction)) + Number(flushAfter) + flushesAround;

/** Full and ranged TLB flushes of one conversion, without those of the splits it causes (one full flush each). */
export function flushesFor(
  platform: Platform,
  pages: number,
  direction: Direction,
): { readonly full: number; readonly ranged: number } {
  const flushes = flushCount(platform, direction);
  return pages > platform.fullFlushAbovePages ? { full: flushes, ranged: 0 } : { full: 0, ranged: flushes };
}
