/** An upper bound: a packing of the whole trace by somebody who knows the future and moves nothing. A pool carries it out. */
import type { Platform, Request } from '@decpool/model';
import { slabCacheFor } from '@decpool/pool';
import { formatValue } from '../text/units.ts';
import { endOf, type Requests } from '../workloads/requests.ts';
import { peakLivePages } from '../workloads/workload.ts';
import { nodesOf, type PageItem, pageRequests, recordItems, roomyMemory } from './items.ts';
import { isBounded } from './lower.ts';
import type { MeasuredBlocks } from './measured.ts';
import { momentsOf, openingFor } from './moments.ts';
import { bestPlans } from './pack.ts';
import { replayPlan } from './replay-plan.ts';
import type { Steps } from './steps.ts';

/** Limit of items by default: a packing then takes about as long as a few policies. */
export const DEFAULT_MAX_ITEMS = 20_000;
/** Limit of items with `--bounds`. */
export const MAX_ITEMS = 200_000;
/** Limit of slab objects, for each item of the limit. */
const OBJECTS_PER_ITEM = 10;

/** Limit of pairs of item and block for packings that look at all pairs, for each item of the limit. */
const PAIRS_PER_ITEM = 100;

export type OfflineBound =
  | (MeasuredBlocks & {
      readonly kind: 'packing';
      readonly items: number;
      /** Pages of items, peak. Small objects count by the slabs that they fill. */
      readonly pagesPeak: number;
    })
  | { readonly kind: 'none'; readonly why: string };

/**
 * The best of several packings of the requests, for blocks at peak and for block-ns each. Both are measured in a pool whose
 * memory is free and large enough. Makes none for more than `maxItems` items. With 200,000 it takes minutes, in short steps.
 */
export function* offlineBound(
  requests: Requests,
  platform: Platform,
  maxItems = DEFAULT_MAX_ITEMS,
): Steps<OfflineBound> {
  const tooMany = (count: number): OfflineBound => {
    const more = count > MAX_ITEMS ? '' : `; --bounds raises it to ${grouped(MAX_ITEMS)}`;
    return none(`${grouped(count)} page requests exceed the limit of ${grouped(maxItems)}${more}`);
  };
  const { ownPages, objects } = countAllocations(requests, platform);
  if (ownPages > maxItems) return tooMany(ownPages);
  const maxObjects = maxItems * OBJECTS_PER_ITEM;
  if (objects > maxObjects) {
    return none(`${grouped(objects)} slab objects exceed the limit of ${grouped(maxObjects)}`);
  }
  const served = pageRequests(requests);
  const memory = roomyMemory(peakLivePages(served), nodesOf(served));
  const items = memory && (yield* recordItems(served, platform, memory));
  if (memory === undefined || items === undefined) return none('no modelled memory is large enough');
  if (items.length > maxItems) return tooMany(items.length);
  const moments = momentsOf(served, items, endOf(requests));
  if (items.some((item) => openingFor(moments, item) === undefined)) {
    return none('the first caller of a node or zone may not sleep, so no page can be shared there in time');
  }
  if (items.length === 0) return { kind: 'packing', items: 0, pagesPeak: 0, blocksPeak: 0, blockNs: 0n };
  const { byPeak, byBlockTime } = yield* bestPlans(
    items,
    PAGES_PER_BLOCK,
    moments,
    maxItems * PAIRS_PER_ITEM,
  );
  const { blocksPeak } = yield* replayPlan(items, byPeak, moments, memory, platform);
  const blockNs =
    byBlockTime === byPeak
      ? byPeak.blockNs
      : (yield* replayPlan(items, byBlockTime, moments, memory, platform)).blockNs;
  return { kind: 'packing', items: items.length, pagesPeak: mostPages(items), blocksPeak, blockNs };
}

const none = (why: string): OfflineBound => ({ kind: 'none', why });

const grouped = (count: number): string => formatValue(count, 'count');

/** How many allocations have pages of their own, and how many lie in slabs. */
function countAllocations(requests: Iterable<Request>, platform: Platform) {
  let ownPages = 0;
  let objects = 0;
  for (const request of requests) {
    if (request.kind !== 'allocate' || !isBounded(request)) continue;
    if (slabCacheFor(request, platform) === undefined) ownPages++;
    else objects++;
  }
  return { ownPages, objects };
}

/** Of the x86 geometry, which every pool has. */
const PAGES_PER_BLOCK = 512;

function mostPages(items: readonly PageItem[]): number {
  const changes = items.flatMap(({ start, end, pages }) => [
    { at: start, pages },
    { at: end, pages: -pages },
  ]);
  // No request both frees and allocates.
  changes.sort((a, b) => a.at - b.at);
  let live = 0;
  let peak = 0;
  for (const { pages } of changes) {
    live += pages;
    peak = Math.max(peak, live);
  }
  return peak;
}
