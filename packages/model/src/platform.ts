/**
 * Confidential-computing platforms as named profiles. Every number is a parameter with its source beside it;
 * no latency is modelled, because no measured conversion latency is public.
 */
import { freeze } from 'immer';
import { InputError } from './errors.ts';
import type { Geometry } from './geometry.ts';
import type { Pfn } from './units.ts';

export const DIRECTIONS = ['decrypt', 'encrypt'] as const;
/** `decrypt`: private -> shared (set_memory_decrypted); `encrypt`: shared -> private (set_memory_encrypted). */
export type Direction = (typeof DIRECTIONS)[number];

export type PlatformName = 'snp' | 'tdx' | 'hyperv-vtom' | 'cca' | 'pkvm' | 'none';

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
 * - `pages`: it is mapped by 4K entries from boot; a conversion changes them and there is nothing to split.
 * - `untouched`: a conversion does not change it.
 */
export const DIRECT_MAPS = ['split', 'pages', 'untouched'] as const;
export type DirectMapKind = (typeof DIRECT_MAPS)[number];

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
   * A range of more pages than this is flushed with one full flush, a smaller one page by page:
   * tlb_single_page_flush_ceiling, arch/x86/mm/tlb.c.
   */
  readonly fullFlushAbovePages: number;
  /** What if re-encrypting the last shared page of a block restored its 2M mapping? Real x86 kernels do not. */
  readonly restore: boolean;
}

const X86_FULL_FLUSH_ABOVE_PAGES = 33;
const ARM64_MAX_DVM_OPS = 512;

/** Frozen, because all pools share them. */
const PLATFORMS: Readonly<Record<PlatformName, Platform>> = freeze(
  {
    /** AMD SEV-SNP: 64 entries per VMGEXIT (VMGEXIT_PSC_MAX_ENTRY, arch/x86/include/asm/sev-common.h); flushes before every change. */
    snp: {
      name: 'snp',
      confidential: true,
      hostCalls: { kind: 'page-state-list', entries: 64 },
      directMap: 'split',
      pageTablePasses: 1,
      flushAfter: true,
      flushBefore: ['decrypt', 'encrypt'],
      fullFlushAbovePages: X86_FULL_FLUSH_ABOVE_PAGES,
      restore: false,
    },
    /** Intel TDX: one MapGPA per contiguous range (arch/x86/coco/tdx/tdx.c); flushes before only when a page becomes shared. */
    tdx: {
      name: 'tdx',
      confidential: true,
      hostCalls: { kind: 'per-range' },
      directMap: 'split',
      pageTablePasses: 1,
      flushAfter: true,
      flushBefore: ['decrypt'],
      fullFlushAbovePages: X86_FULL_FLUSH_ABOVE_PAGES,
      restore: false,
    },
    /**
     * Hyper-V isolated VM with vTOM: a visibility hypercall of up to 510 pfns (HV_MAX_MODIFY_GPA_REP_COUNT,
     * include/hyperv/hvgdk_mini.h). The range is made not-present before and present again after (arch/x86/hyperv/ivm.c),
     * two passes more. Never flushes before.
     */
    'hyperv-vtom': {
      name: 'hyperv-vtom',
      confidential: true,
      hostCalls: { kind: 'page-list', pages: 510 },
      directMap: 'split',
      pageTablePasses: 3,
      flushAfter: true,
      flushBefore: [],
      fullFlushAbovePages: X86_FULL_FLUSH_ABOVE_PAGES,
      restore: false,
    },
    /**
     * Arm CCA realm without FEAT_BBML3: everything is mapped by pages. Entries are made invalid, RSI_IPA_STATE_SET
     * is called over the range, and they are made valid again (arch/arm64/mm/pageattr.c). arm64 invalidates a range of
     * up to MAX_DVM_OPS pages one by one (arch/arm64/include/asm/tlbflush.h): PTRS_PER_PTE of them with 4K pages.
     */
    cca: {
      name: 'cca',
      confidential: true,
      hostCalls: { kind: 'per-range' },
      directMap: 'pages',
      pageTablePasses: 2,
      flushAfter: true,
      flushBefore: [],
      fullFlushAbovePages: ARM64_MAX_DVM_OPS,
      restore: false,
    },
    /** Protected KVM guest: one call per page, no change of the guest's own page tables (drivers/virt/coco/pkvm-guest). */
    pkvm: {
      name: 'pkvm',
      confidential: true,
      hostCalls: { kind: 'page-list', pages: 1 },
      directMap: 'untouched',
      pageTablePasses: 0,
      flushAfter: false,
      flushBefore: [],
      fullFlushAbovePages: ARM64_MAX_DVM_OPS,
      restore: false,
    },
    /** Not a confidential VM: the same kernel, where every conversion is a no-op. */
    none: {
      name: 'none',
      confidential: false,
      hostCalls: { kind: 'none' },
      directMap: 'split',
      pageTablePasses: 0,
      flushAfter: false,
      flushBefore: [],
      fullFlushAbovePages: X86_FULL_FLUSH_ABOVE_PAGES,
      restore: false,
    },
  },
  true,
);

export const PLATFORM_NAMES = Object.keys(PLATFORMS) as readonly PlatformName[];

/** Throws InputError when there is no such profile. */
export function platformNamed(name: string): Platform {
  const found = PLATFORM_NAMES.find((known) => known === name);
  if (found === undefined) {
    throw new InputError(`unknown platform '${name}'; available: ${PLATFORM_NAMES.join(', ')}`);
  }
  return PLATFORMS[found];
}

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

/** Entries of a page-state-change list: one per aligned whole block, one per page of what remains at both ends. */
function pageStateEntries(geometry: Geometry, start: Pfn, pages: number): number {
  const { pagesPerBlock } = geometry;
  const firstWhole = Math.ceil(start / pagesPerBlock);
  const endWhole = Math.floor((start + pages) / pagesPerBlock);
  const whole = Math.max(0, endWhole - firstWhole);
  return whole + (pages - whole * pagesPerBlock);
}

/** Full and ranged TLB flushes of one conversion, without those of the splits it causes (one full flush each). */
export function flushesFor(
  platform: Platform,
  pages: number,
  direction: Direction,
): { readonly full: number; readonly ranged: number } {
  const flushes = Number(platform.flushBefore.includes(direction)) + Number(platform.flushAfter);
  return pages > platform.fullFlushAbovePages ? { full: flushes, ranged: 0 } : { full: 0, ranged: flushes };
}
