import type { Direction, Platform } from '../platform.ts';

/** A number of a platform, and the kernel source that states it. */
export interface NumberSource {
  readonly number: string;
  readonly source: string;
}

/** One platform: its numbers, how they read in formulas and tables, and where they come from. */
export interface PlatformProfile {
  readonly platform: Platform;
  /** Conversions for which the guest tells the hardware, of an aligned 2 MiB at once, else of each page, which pages are its own. */
  readonly acceptsPages: readonly Direction[];
  /** Conversions before which every page of the range is flushed from the CPU caches. */
  readonly flushesCache: readonly Direction[];
  /**
   * Where dma_direct_alloc() (kernel/dma/direct.c) takes a device's coherent memory from: the page allocator or, if
   * force_dma_unencrypted() is false and the device tree gives the device a restricted DMA pool, that pool.
   */
  readonly coherentMemory: 'page allocator' | 'restricted pool';
  /** Whether a conversion that the host refuses ends the guest, so that no caller sees an error of the host. */
  readonly endsIfHostRefuses: boolean;
  readonly texts: {
    readonly directMap: string;
    /** Calls to the host per conversion. */
    readonly hostCalls: string;
    /** Passes over page-table entries per conversion. */
    readonly pageTablePasses: string;
    /** TLB flushes per conversion. */
    readonly flushes: string;
    /** What a conversion by vmalloc address does. */
    readonly vmallocAddress: string;
    /** What a load_unaligned_zeropad() does that reads past a private page into one that is shared or being converted. */
    readonly strayRead: string;
    /** Work of the guest for that. */
    readonly accept: string;
  };
  readonly sources: readonly NumberSource[];
}
