/** What a report shows of runs over time: the state at frames, which are chosen requests. Plain data: a page has it as JSON. */

import type { OwnerFigures } from '@decpool/model';

/**
 * What a 2 MiB block is:
 * `private`: no page is shared; `idle`: all pages are shared and none is in an allocation or slab; `used`: all pages are
 * shared and some are in one; `mixed`: it has both private and shared pages; `unknown`: some pages are in an unknown state, or
 * leaked.
 */
export const BLOCK_STATES = ['private', 'idle', 'used', 'mixed', 'unknown'] as const;
export type BlockState = (typeof BLOCK_STATES)[number];

/** How the direct map maps a block: by a large entry, by 4K entries since a split in the run, by 4K entries since boot. */
export const BLOCK_MAPPINGS = ['large', 'split', 'boot'] as const;
export type BlockMapping = (typeof BLOCK_MAPPINGS)[number];

/**
 * How blocks changed, as columns: a row for each block and frame in which the block is not what it was in the frame before,
 * by block and then by frame. A block without a row is private from the first frame to the last, and mapped as it was at boot.
 * `state` and `mapping` are indices into BLOCK_STATES and BLOCK_MAPPINGS.
 */
export interface BlockChanges {
  readonly block: readonly number[];
  /** Index of the frame from which on the row holds. */
  readonly frame: readonly number[];
  readonly state: readonly number[];
  readonly mapping: readonly number[];
  /** Pages in an unknown state count as shared, as in the metrics. */
  readonly sharedPages: readonly number[];
  /** Pages in allocations and slabs. */
  readonly usedPages: readonly number[];
  /** Simulated ns since which some page of the block has been shared or unknown; -1 if none is. */
  readonly since: readonly number[];
  /** Rows of the pin columns that belong to row i: [pinStart[i], pinStart[i + 1]); one longer than the others. */
  readonly pinStart: readonly number[];
  /** Index into `owners` of the run; the owners with the most pages in the block, at most PINS_KEPT of them. */
  readonly pinOwner: readonly number[];
  readonly pinPages: readonly number[];
  /** Simulated ns since which the owner's oldest allocation in the block has been there. */
  readonly pinSince: readonly number[];
  /** Owners left out of row i. */
  readonly morePins: readonly number[];
}

export const PINS_KEPT = 3;

interface RunSeries {
  readonly id: string;
  readonly unit: 'count' | 'bytes' | 'blocks';
  /** The value of a frame is the most since the frame before. Default: the value at the frame. */
  readonly isPeak?: boolean;
}

/** What a run has one value of at each frame. */
export const RUN_SERIES = {
  /** Since boot. */
  splits2M: { id: 'splits-2m', unit: 'count' },
  splits1G: { id: 'splits-1g', unit: 'count' },
  failedRequests: { id: 'failures', unit: 'count' },
  /** As in /proc/meminfo. */
  directMap4k: { id: 'direct-map-4k', unit: 'bytes' },
  directMap2M: { id: 'direct-map-2m', unit: 'bytes' },
  directMap1G: { id: 'direct-map-1g', unit: 'bytes' },
  /** At the end of an instant, as the metric `shared-idle-peak` counts. */
  sharedIdleBytes: { id: 'shared-idle', unit: 'bytes', isPeak: true },
  /** In allocations, slabs and taken bounce slots. */
  liveBytes: { id: 'live', unit: 'bytes' },
  /** Blocks with a shared page. */
  sharedBlocks: { id: 'shared-blocks', unit: 'blocks', isPeak: true },
  mixedBlocks: { id: 'mixed-blocks', unit: 'blocks', isPeak: true },
} as const satisfies Readonly<Record<string, RunSeries>>;

export type SeriesName = keyof typeof RUN_SERIES;
export const seriesInfo = (name: SeriesName): RunSeries => RUN_SERIES[name];

export type Series = Readonly<Record<SeriesName, readonly number[]>>;

/** Bars of the histograms: 512 / 16 = 32 pages a bar; full blocks have a bar of their own, the last. */
export const HISTOGRAM_BARS = 17;

export interface OwnerRow extends OwnerFigures {
  /** At the frame with the most live pages, and at the last frame. */
  readonly atPeak: OwnerHold;
  readonly atEnd: OwnerHold;
}

export interface OwnerHold {
  readonly pages: number;
  /** Blocks in which it has pages. */
  readonly blocks: number;
  /** Of these, blocks in which no other owner has pages: they empty when it frees. */
  readonly alone: number;
}

/** One run over time; each list has a value for each frame. */
export interface RunHistory {
  readonly policy: string;
  /** The log it was read from, relative to the results folder. */
  readonly log: string;
  readonly events: number;
  readonly owners: readonly string[];
  readonly series: Series;
  readonly blocks: BlockChanges;
  /** By frame: shared blocks by how many of their pages are in allocations or slabs; HISTOGRAM_BARS bars. */
  readonly occupancy: readonly (readonly number[])[];
  /** By frame: shared blocks by their longest run of free pages: claimed, in no allocation or slab, not unknown or leaked. */
  readonly longestFree: readonly (readonly number[])[];
  /** By frame: free chunks of the pool by order, 0 to 10: runs of free pages as a buddy allocator would cut them. */
  readonly freeByOrder: readonly (readonly number[])[];
  /** Owners that caused or hold anything, most 2M splits first, then most pages at the peak. */
  readonly ownerRows: readonly OwnerRow[];
}

/** How long the allocations of one owner lived: the same under every policy that serves the trace. */
export interface OwnerLifetimes {
  readonly owner: string;
  readonly allocations: number;
  /** Not freed by the end of the trace; they have no part in the quantiles. */
  readonly neverFreed: number;
  /** ns: smallest, quartiles, 9th decile, largest; empty if none was freed. */
  readonly quantiles: readonly number[];
  /** Pages asked for, over all allocations. */
  readonly pages: number;
}

/** All policies on one input over time, at the same moments. */
export interface InputHistory {
  /** The moments at which the runs are recorded: the same for every policy, so that two can be compared. */
  readonly frames: {
    /**
     * Requests done at each frame, ascending, from 0 (after boot) to all. Background and skipped requests count, so these are
     * not the request numbers of events. What the deferred worker does counts to the request before it.
     */
    readonly requests: readonly number[];
    /** Simulated ns of the last event up to each frame, over all policies. */
    readonly times: readonly number[];
  };
  /** How many requests a frame stands for, in words. */
  readonly binning: string;
  /** Blocks of 2 MiB that the geometry spans. */
  readonly blocks: number;
  readonly pagesPerBlock: number;
  readonly pageBytes: number;
  /** First block and number of blocks of each run of RAM, ascending; between them is no memory. */
  readonly ram: readonly (readonly [block: number, blocks: number])[];
  /** First block and number of blocks of each run that 4K entries map since boot. */
  readonly boot4K: readonly (readonly [block: number, blocks: number])[];
  /** By frame: the lower bound of shared blocks, the most since the frame before: as bounds/lower.ts counts. */
  readonly leastBlocks: readonly number[];
  /** Bytes asked for by live allocations at each frame, as the lower bound counts them. */
  readonly askedBytes: readonly number[];
  /** Index of the frame at which most memory is asked for, the first of them (if there are only bounce slots: most memory is live). */
  readonly peakFrame: number;
  /** Most pages first; at most OWNERS_KEPT, the last is all others together. */
  readonly lifetimes: readonly OwnerLifetimes[];
  /** The runs whose logs there are, in the order of the comparison. */
  readonly runs: readonly RunHistory[];
}

export const OWNERS_KEPT = 12;
