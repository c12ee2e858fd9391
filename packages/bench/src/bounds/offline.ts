/**
 * An upper bound on what is unavoidable: a packing of the whole trace that moves nothing and knows when everything comes
 * and goes, carried out by a pool to prove it.
 */

import type { Platform, Request } from '@decpool/model';
import { slabCacheFor } from '@decpool/pool';
import { formatValue } from '../text/units.ts';
import { nodesOf, type PageItem, pageRequests, recordItems, roomyMemory } from './items.ts';
import { isServable } from './lower.ts';
import type { MeasuredBlocks } from './measured.ts';
import { momentsOf, openingFor } from './moments.ts';
import { bestPlans } from './pack.ts';
import { replayPlan } from './replay-plan.ts';

/** Most items of an offline packing that is made by default. It takes about as long as a few policies. */
export const USUAL_ITEMS = 20_000;
/** Most items of an offline packing with `--bounds`. */
export const MOST_ITEMS = 200_000;
/** Most slab objects per item of these limits. With more, no packing is made. */
const OBJECTS_PER_ITEM = 10;

/** Pairs of item and block, for each of these items, up to which packings are made that look at all of them. */
const PAIRS_PER_ITEM = 100;

export type OfflineBound =
  | (MeasuredBlocks & {
      readonly kind: 'packing';
      readonly items: number;
      /** Most pages of items at one time: small objects count by the slabs that they fill. */
      readonly pagesPeak: number;
    })
  | { readonly kind: 'none'; readonly why: string };

/**
 * The best of several packings of the requests, for blocks at peak and for block-ns each: both are measured in a pool whose
 * memory is free and large enough. Makes none where there are more than `mostItems` items.
 */
export function offlineBound(
  requests: readonly Request[],
  platform: Platform,
  mostItems = USUAL_ITEMS,
): OfflineBound {
  const tooMany = (count: number): OfflineBound => {
    const more = count > MOST_ITEMS ? '' : `; --bounds raises it to ${grouped(MOST_ITEMS)}`;
    return none(`${grouped(count)} page requests exceed the limit of ${grouped(mostItems)}${more}`);
  };
  const { ownPages, objects } = countAllocations(requests, platform);
  if (ownPages > mostItems) return tooMany(ownPages);
  const mostObjects = mostItems * OBJECTS_PER_ITEM;
  if (objects > mostObjects) {
    return none(`${grouped(objects)} slab objects exceed the limit of ${grouped(mostObjects)}`);
  }
  const asked = pageRequests(requests);
  const memory = roomyMemory(peakPages(asked), nodesOf(asked));
  const items = memory && recordItems(asked, platform, memory);
  if (memory === undefined || items === undefined) return none('no modelled memory is large enough');
  if (items.length > mostItems) return tooMany(items.length);
  const moments = momentsOf(asked, items, requests.at(-1)?.time ?? 0);
  if (items.some((item) => openingFor(moments, item) === undefined)) {
    return none('the first caller of a node or zone may not sleep, so no page can be shared there in time');
  }
  if (items.length === 0) return { kind: 'packing', items: 0, pagesPeak: 0, blocksPeak: 0, blockNs: 0n };
  const { byPeak, byBlockTime } = bestPlans(items, PAGES_PER_BLOCK, moments, mostItems * PAIRS_PER_ITEM);
  const { blocksPeak } = replayPlan(items, byPeak, moments, memory, platform);
  const blockNs =
    byBlockTime === byPeak
      ? byPeak.blockNs
      : replayPlan(items, byBlockTime, moments, memory, platform).blockNs;
  return { kind: 'packing', items: items.length, pagesPeak: mostPages(items), blocksPeak, blockNs };
}

const none = (why: string): OfflineBound => ({ kind: 'none', why });

const grouped = (count: number): string => formatValue(count, 'count');

/** How many allocations have pages of their own, and how many lie in slabs. */
function countAllocations(requests: readonly Request[], platform: Platform) {
  let ownPages = 0;
  let objects = 0;
  for (const request of requests) {
    if (request.kind !== 'allocate' || request.api === 'dma_map' || !isServable(request)) continue;
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
  // What goes with a request goes before what comes with it.
  changes.sort((a, b) => a.at - b.at || a.pages - b.pages);
  let live = 0;
  let peak = 0;
  for (const { pages } of changes) {
    live += pages;
    peak = Math.max(peak, live);
  }
  return peak;
}

/** Most pages asked for at one time, an object counting as its pages. */
function peakPages(requests: readonly Request[]): number {
  const pagesOf = new Map<number, number>();
  let live = 0;
  let peak = 0;
  for (const request of requests) {
    if (request.kind === 'allocate') {
      pagesOf.set(request.allocation, request.pages);
      live += request.pages;
      peak = Math.max(peak, live);
    } else if (request.kind === 'free') live -= pagesOf.get(request.allocation) ?? 0;
  }
  return peak;
}
