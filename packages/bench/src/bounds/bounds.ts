/** What is known of the best there is for a trace, and how far from it the policies of a comparison are. */
import type { Platform, Request } from '@decpool/model';
import { type Lifetimes, lifetimesOf } from './lifetimes.ts';
import { type LowerBounds, lowerBounds } from './lower.ts';
import type { MeasuredBlocks } from './measured.ts';
import { DEFAULT_MAX_ITEMS, MAX_ITEMS, type OfflineBound, offlineBound } from './offline.ts';

/** No policy that serves all requests is below `lower`; `upper` can be had, and is missing where nothing shows it. */
export interface Bound {
  readonly lower: number;
  readonly upper?: number;
  /** What shows the upper bound: `an offline packing`, or the policy that came to it. */
  readonly upperFrom?: string;
}

export interface Bounds {
  /** Blocks shared at peak; the lower one also for blocks ever shared. */
  readonly blocksPeak: Bound;
  /** Blocks shared, integrated over the trace, in block-seconds. */
  readonly blockSeconds: Bound;
  readonly lifetimes: Lifetimes;
  /** Requests for pages that the offline packing placed; or why there is none. */
  readonly packing: { readonly items: number } | { readonly missing: string };
}

/** A run that refused nothing that anybody could serve: it shows that its figures can be had. */
interface ServingRun {
  readonly policy: string;
  readonly bounded: MeasuredBlocks;
}

interface BoundsInput {
  readonly requests: readonly Request[];
  readonly platform: Platform;
  readonly pagesPerBlock: number;
  /** Whether an offline packing is made even where it takes long. */
  readonly isPackingWanted: boolean;
  readonly runs: readonly ServingRun[];
}

export interface BoundsOfTrace {
  readonly bounds: Bounds;
  /** As computed, in block-ns. */
  readonly lower: LowerBounds;
}

/** Throws Error, for a defect of ours, when what was shown to be possible is below the lower bound. */
export function boundsOf(input: BoundsInput): BoundsOfTrace {
  const { requests, platform, pagesPerBlock, runs } = input;
  const lower = lowerBounds(requests, pagesPerBlock);
  const offline = offlineBound(requests, platform, input.isPackingWanted ? MAX_ITEMS : DEFAULT_MAX_ITEMS);
  const shown = [...packingOf(offline), ...runs.map(({ policy, bounded }) => ({ from: policy, ...bounded }))];
  for (const { from, blocksPeak, blockNs } of shown) {
    if (blocksPeak >= lower.blocksPeak && blockNs >= lower.blockNs) continue;
    throw new Error(
      `a defect: ${from} comes to ${blocksPeak} blocks at peak and ${blockNs} block-ns, below the lower bounds of ${lower.blocksPeak} and ${lower.blockNs}`,
    );
  }
  const byPeak = shown.toSorted((a, b) => a.blocksPeak - b.blocksPeak).at(0);
  const byTime = shown.toSorted((a, b) => Number(a.blockNs - b.blockNs)).at(0);
  return {
    lower,
    bounds: {
      blocksPeak: {
        lower: lower.blocksPeak,
        ...(byPeak && { upper: byPeak.blocksPeak, upperFrom: byPeak.from }),
      },
      blockSeconds: {
        lower: seconds(lower.blockNs),
        ...(byTime && { upper: seconds(byTime.blockNs), upperFrom: byTime.from }),
      },
      lifetimes: lifetimesOf(requests),
      packing: offline.kind === 'packing' ? { items: offline.items } : { missing: offline.why },
    },
  };
}

const packingOf = (offline: OfflineBound) =>
  offline.kind === 'packing' ? [{ from: 'an offline packing', ...offline }] : [];

const seconds = (ns: bigint): number => Number(ns) / 1e9;
