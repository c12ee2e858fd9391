/** What is known of the best possible result for a trace. */
import type { Platform } from '@decpool/model';
import type { Requests } from '../workloads/requests.ts';
import { type Lifetimes, lifetimesOf } from './lifetimes.ts';
import { type LowerBounds, lowerBounds } from './lower.ts';
import type { MeasuredBlocks } from './measured.ts';
import { DEFAULT_MAX_ITEMS, MAX_ITEMS, type OfflineBound, offlineBound } from './offline.ts';
import type { Steps } from './steps.ts';

/** No policy that serves all requests is below `lower`. `upper` is possible; missing if nothing shows it. */
export interface Bound {
  readonly lower: number;
  readonly upper?: number;
  /** What shows the upper bound: `an offline packing`, or a policy. */
  readonly upperFrom?: string;
}

/** What no policy can improve on, for one input. */
export interface Bounds {
  /** Blocks shared at peak; the lower one also for blocks ever shared. */
  readonly blocksPeak: Bound;
  /** Blocks shared, integrated over the trace, in block-seconds. */
  readonly blockSeconds: Bound;
  readonly lifetimes: Lifetimes;
  /** Requests for pages that the offline packing placed; or why there is none. */
  readonly packing: { readonly items: number } | { readonly missing: string };
}

interface RequestBoundsInput {
  readonly requests: Requests;
  readonly platform: Platform;
  readonly pagesPerBlock: number;
  /** Whether an offline packing is made even where it takes long. */
  readonly isPackingWanted: boolean;
}

/** What follows from the requests alone. */
export interface RequestBounds {
  /** As computed, in block-ns. */
  readonly lower: LowerBounds;
  readonly offline: OfflineBound;
  readonly lifetimes: Lifetimes;
}

export function* requestBounds({
  requests,
  platform,
  pagesPerBlock,
  isPackingWanted,
}: RequestBoundsInput): Steps<RequestBounds> {
  const lower = lowerBounds(requests, pagesPerBlock);
  yield;
  const offline = yield* offlineBound(requests, platform, isPackingWanted ? MAX_ITEMS : DEFAULT_MAX_ITEMS);
  return { lower, offline, lifetimes: lifetimesOf(requests) };
}

/** `runs`: those that refused nothing servable, so that their figures are possible. Throws Error if one is below the lower bound. */
export function boundsOf(
  { lower, offline, lifetimes }: RequestBounds,
  runs: readonly { readonly policy: string; readonly bounded: MeasuredBlocks }[],
): Bounds {
  const packing = offline.kind === 'packing' ? [{ from: 'an offline packing', ...offline }] : [];
  const shown = [...packing, ...runs.map(({ policy, bounded }) => ({ from: policy, ...bounded }))];
  for (const { from, blocksPeak, blockNs } of shown) {
    if (blocksPeak >= lower.blocksPeak && blockNs >= lower.blockNs) continue;
    throw new Error(
      `a defect: ${from} comes to ${blocksPeak} blocks at peak and ${blockNs} block-ns, below the lower bounds of ${lower.blocksPeak} and ${lower.blockNs}`,
    );
  }
  const byPeak = shown.toSorted((a, b) => a.blocksPeak - b.blocksPeak).at(0);
  const byTime = shown.toSorted((a, b) => Number(a.blockNs - b.blockNs)).at(0);
  return {
    blocksPeak: {
      lower: lower.blocksPeak,
      ...(byPeak && { upper: byPeak.blocksPeak, upperFrom: byPeak.from }),
    },
    blockSeconds: {
      lower: seconds(lower.blockNs),
      ...(byTime && { upper: seconds(byTime.blockNs), upperFrom: byTime.from }),
    },
    lifetimes,
    packing: offline.kind === 'packing' ? { items: offline.items } : { missing: offline.why },
  };
}

const seconds = (ns: bigint): number => Number(ns) / 1e9;
