/**
 * Confidential-computing platforms as named profiles. Every number is a parameter with its source beside it;
 * no latency is modelled, because no measured conversion latency is public.
 */
import { freeze } from 'immer';
import type { Geometry } from './geometry.ts';
import type { Pfn } from './units.ts';
import { unknownName } from './unknown-name.ts';

export const DIRECTIONS = ['decrypt', 'encrypt'] as const;
/** `decrypt`: private -> shared (set_memory_decrypted); `encrypt`: shared -> private (set_memory_encrypted). */
export type Direction = (typeof DIRECTIONS)[number];

export type PlatformName = 'snp' | 'tdx' | 'hyperv-vtom' | 'cca' | 'cca-bbml3' | 'pkvm' | 'none';

/** How many calls to the host one conversion of a physically contiguous range takes. */
export type HostCalls =
  /** A page-state-change list of `entries` entries per call; an aligned whole block is one entry. */
  | { readonly kind: 'page-state-list'; readonly entries: number }
  /** One call for the whole range. */
  | { readonly kind: 'per-range' }
  /** A list of up to `pages` single pages per call. */
  | { readonly kind: 'page-list'; readonly pages: number }
  /** Conversion does nothing. */
  | { readonly kind: 'none' };

/**
 * What a conversion does to the kernel's direct map.
 * - `split`: it is mapped by 1G, 2M and 4K entries, and a conversion splits those it does not cover.
 * - `contiguous`: the same, with runs of 16 entries of 2M (32M) and of 4K (64K) that the TLB may take for one. A conversion
 *   splits what its two ends lie inside of, step by step, and nothing between them.
 * - `pages`: it is mapped by 4K entries from boot; a conversion changes them and there is nothing to split.
 * - `untouched`: a conversion does not change it.
 */
export const DIRECT_MAPS = ['split', 'contiguous', 'pages', 'untouched'] as const;
export type DirectMapKind = (typeof DIRECT_MAPS)[number];

/**
 * Whether memory can be converted by its vmalloc address.
 * - `converted`: yes, page by page.
 * - `rejected`: the call returns -EINVAL.
 * - `unsupported`: the physical address that the platform's code computes from it means nothing.
 */
export const VMALLOC_ADDRESSES = ['converted', 'rejected', 'unsupported'] as const;
export type VmallocAddress = (typeof VMALLOC_ADDRESSES)[number];

/**
 * What becomes of load_unaligned_zeropad() where it reads past the end of a private page into one that is shared or
 * being converted: a fault that the kernel fixes up, one that ends the guest, or no fault at all.
 */
export const STRAY_READS = ['fixed up', 'fatal', 'impossible'] as const;
export type StrayRead = (typeof STRAY_READS)[number];

/** Page sizes of a host, in pages of the guest: 4, 16 and 64 KiB. */
export const GRANULES = [1, 4, 16] as const;
export type GranulePages = (typeof GRANULES)[number];

export interface Platform {
  readonly name: PlatformName;
  /** False only on `none`: conversion is a no-op that succeeds and changes no state. */
  readonly confidential: boolean;
  readonly hostCalls: HostCalls;
  readonly directMap: DirectMapKind;
  /** Walks over the range's page-table entries in one conversion. */
  readonly pageTablePasses: number;
  /** Whether the TLB is flushed after the change. */
  readonly flushAfter: boolean;
  /** Directions in which caches and TLB are flushed before the change as well. */
  readonly flushBefore: readonly Direction[];
  /**
   * Flushes of the page-table passes before and after the host call (`hyperv-vtom`: set_memory_np(), set_memory_p()).
   * Default: 0. Logs of older versions have no such field, and count none.
   */
  readonly flushesAround?: number;
  /**
   * A range of more pages than this is flushed with one full flush, a smaller one page by page:
   * tlb_single_page_flush_ceiling, arch/x86/mm/tlb.c.
   */
  readonly fullFlushAbovePages: number;
  /** What if re-encrypting the last shared page of a block restored its 2M mapping? Real x86 kernels do not. */
  readonly restore: boolean;
  readonly vmallocAddress: VmallocAddress;
  /** Address and size of a conversion must be multiples of so many pages: the page size of the host. */
  readonly granulePages: GranulePages;
  /** A kernel built without DCACHE_WORD_ACCESS makes no such read: then `impossible`, whatever the platform. */
  readonly strayRead: StrayRead;
  /** Smallest alignment of memory for DMA, bytes: ARCH_DMA_MINALIGN. No slab cache has smaller objects. */
  readonly dmaMinAlign: number;
}

const X86_FULL_FLUSH_ABOVE_PAGES = 33;
const ARM64_MAX_DVM_OPS = 512;
/** x86 is coherent: ARCH_KMALLOC_MINALIGN, include/linux/slab.h. */
const X86_DMA_MIN_ALIGN = 8;
/** ARCH_DMA_MINALIGN, arch/arm64/include/asm/cache.h. */
const ARM64_DMA_MIN_ALIGN = 128;

/** What most profiles have alike. */
const X86 = {
  confidential: true,
  directMap: 'split',
  flushAfter: true,
  fullFlushAbovePages: X86_FULL_FLUSH_ABOVE_PAGES,
  restore: false,
  granulePages: 1,
  dmaMinAlign: X86_DMA_MIN_ALIGN,
} as const;
const ARM64 = {
  confidential: true,
  flushBefore: [],
  fullFlushAbovePages: ARM64_MAX_DVM_OPS,
  restore: false,
  granulePages: 1,
  dmaMinAlign: ARM64_DMA_MIN_ALIGN,
} as const;

/** Frozen, because all pools share them. */
const PLATFORMS: Readonly<Record<PlatformName, Platform>> = freeze(
  {
    /**
     * AMD SEV-SNP: 64 entries per VMGEXIT (VMGEXIT_PSC_MAX_ENTRY, arch/x86/include/asm/sev-common.h); flushes before every
     * change. A stray read of a shared page takes a fault that is fixed up.
     */
    snp: {
      ...X86,
      name: 'snp',
      hostCalls: { kind: 'page-state-list', entries: 64 },
      pageTablePasses: 1,
      flushBefore: ['decrypt', 'encrypt'],
      vmallocAddress: 'converted',
      strayRead: 'fixed up',
    },
    /**
     * Intel TDX: one MapGPA per contiguous range (arch/x86/coco/tdx/tdx.c), at an address that __pa() computes, which has
     * no meaning for a vmalloc address; flushes before only when a page becomes shared. A read through a private mapping
     * of a page that is shared ends the guest; the kernel orders its changes so that there is none.
     */
    tdx: {
      ...X86,
      name: 'tdx',
      hostCalls: { kind: 'per-range' },
      pageTablePasses: 1,
      flushBefore: ['decrypt'],
      vmallocAddress: 'unsupported',
      strayRead: 'fatal',
    },
    /**
     * Hyper-V isolated VM with vTOM: a visibility hypercall of up to 510 pfns (HV_MAX_MODIFY_GPA_REP_COUNT,
     * include/hyperv/hvgdk_mini.h). hv_vtom_clear_present() makes the range not-present before that call, and
     * hv_vtom_set_host_visibility() makes it present again after it (arch/x86/hyperv/ivm.c). Both call
     * change_page_attr_set_clr(), which ends in a flush: two passes and two flushes more. A stray read meanwhile is a
     * page fault that is fixed up. No flush before the change itself (hv_vtom_tlb_flush_required() is false).
     */
    'hyperv-vtom': {
      ...X86,
      name: 'hyperv-vtom',
      hostCalls: { kind: 'page-list', pages: 510 },
      pageTablePasses: 3,
      flushBefore: [],
      flushesAround: 2,
      vmallocAddress: 'converted',
      strayRead: 'fixed up',
    },
    /**
     * Arm CCA realm without FEAT_BBML3: everything is mapped by pages. Entries are made invalid, RSI_IPA_STATE_SET
     * is called over the range, and they are made valid again (arch/arm64/mm/pageattr.c). arm64 invalidates a range of
     * up to MAX_DVM_OPS pages one by one (arch/arm64/include/asm/tlbflush.h): PTRS_PER_PTE of them with 4K pages.
     * An address outside the linear map is -EINVAL.
     */
    cca: {
      ...ARM64,
      name: 'cca',
      hostCalls: { kind: 'per-range' },
      directMap: 'pages',
      pageTablePasses: 2,
      flushAfter: true,
      vmallocAddress: 'rejected',
      strayRead: 'fixed up',
    },
    /** The same with FEAT_BBML3: large and contiguous entries, split where an end of a range lies inside one. */
    'cca-bbml3': {
      ...ARM64,
      name: 'cca-bbml3',
      hostCalls: { kind: 'per-range' },
      directMap: 'contiguous',
      pageTablePasses: 2,
      flushAfter: true,
      vmallocAddress: 'rejected',
      strayRead: 'fixed up',
    },
    /**
     * Protected KVM guest: one call per page, no change of the guest's own page tables (drivers/virt/coco/pkvm-guest).
     * What is shared stays mapped as it was, so there is no stray read that could fault.
     */
    pkvm: {
      ...ARM64,
      name: 'pkvm',
      hostCalls: { kind: 'page-list', pages: 1 },
      directMap: 'untouched',
      pageTablePasses: 0,
      flushAfter: false,
      vmallocAddress: 'unsupported',
      strayRead: 'impossible',
    },
    /** Not a confidential VM: the same kernel, where every conversion is a no-op. */
    none: {
      ...X86,
      name: 'none',
      confidential: false,
      hostCalls: { kind: 'none' },
      pageTablePasses: 0,
      flushAfter: false,
      flushBefore: [],
      vmallocAddress: 'converted',
      strayRead: 'impossible',
    },
  },
  true,
);

export const PLATFORM_NAMES = Object.keys(PLATFORMS) as readonly PlatformName[];

/** Throws InputError when there is no such profile. */
export function platformNamed(name: string): Platform {
  const found = PLATFORM_NAMES.find((known) => known === name);
  if (found === undefined) throw unknownName({ kind: 'platform', given: name, known: PLATFORM_NAMES });
  return PLATFORMS[found];
}

/** Whether the direct map has entries that a conversion can split, and a restore put back. */
export const hasLargePages = ({ directMap }: Platform): boolean =>
  directMap === 'split' || directMap === 'contiguous';

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

/** Entries of a page-state-change list: one per aligned whole block, one per page of what remains at both ends. */
function pageStateEntries(geometry: Geometry, start: Pfn, pages: number): number {
  const { pagesPerBlock } = geometry;
  const firstWhole = Math.ceil(start / pagesPerBlock);
  const endWhole = Math.floor((start + pages) / pagesPerBlock);
  const whole = Math.max(0, endWhole - firstWhole);
  return whole + (pages - whole * pagesPerBlock);
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
