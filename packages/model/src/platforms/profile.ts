import type { Platform } from '../platform.ts';

/** A number of a platform, and the kernel source that states it. */
export interface NumberSource {
  readonly number: string;
  readonly source: string;
}

/** One platform: its numbers, how they read in formulas and tables, and where they come from. */
export interface PlatformProfile {
  readonly platform: Platform;
  /** Whether the guest must accept pages that became private again: an aligned 2 MiB at once, else each page. */
  readonly acceptsPages: boolean;
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
    /** Work of the guest for pages that became private again. */
    readonly accept: string;
  };
  readonly sources: readonly NumberSource[];
}
