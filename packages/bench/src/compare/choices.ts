/** What options and definitions choose from. Apart from machine.ts: a help page needs no page allocator. */

import type { PageSourceSettings } from '@decpool/model';
import type { GranulePages } from '@decpool/model/internal';

/** The platform if neither an option nor the workload names one. */
export const DEFAULT_PLATFORM = 'snp';

/** By the host's page size in KiB. */
export const GRANULES_KIB: Readonly<Record<number, GranulePages>> = { 4: 1, 16: 4, 64: 16 };

/** Versions of the page allocator, as `--kernel` takes them. */
export const KERNELS = ['6.x', '6.12', '7.x'] as const satisfies readonly PageSourceSettings['kernel'][];
