/** The best of several packings of the same items: for blocks at peak, and for block-seconds. */
import { ITEM_ORDERS, packByInterval } from './by-interval.ts';
import { exactPlans } from './exact.ts';
import { departureFirst, fullestFirst, lowestFirst, packInTimeOrder } from './in-time-order.ts';
import type { PageItem } from './items.ts';
import type { Moments } from './moments.ts';
import { type Packing, type Plan, planOf } from './plan.ts';

interface BestPlans {
  /** Fewest blocks at peak; of these, fewest block-seconds. */
  readonly byPeak: Plan;
  /** Fewest block-seconds; of these, fewest blocks at peak. */
  readonly byBlockTime: Plan;
}

const IN_TIME_ORDER = [lowestFirst, fullestFirst, departureFirst];

/**
 * Packings by interval, which may hold each item against every block, are among them up to so many such pairs. Throws
 * RangeError where a block cannot be shared in time: see openingFor().
 */
export function bestPlans(
  items: readonly PageItem[],
  pagesPerBlock: number,
  moments: Moments,
  mostPairs: number,
): BestPlans {
  const plans =
    exactPlans(items, pagesPerBlock, moments) ??
    [...heuristicPackings(items, pagesPerBlock, moments.requests.length, mostPairs)].map((packing) =>
      planOf(items, packing, moments),
    );
  return {
    byPeak: least(plans, (a, b) => a.blocksPeak - b.blocksPeak || sign(a.blockNs - b.blockNs)),
    byBlockTime: least(plans, (a, b) => sign(a.blockNs - b.blockNs) || a.blocksPeak - b.blocksPeak),
  };
}

export function* heuristicPackings(
  items: readonly PageItem[],
  pagesPerBlock: number,
  requests: number,
  mostPairs: number,
): Generator<Packing> {
  let blocks = 1;
  for (const prefer of IN_TIME_ORDER) {
    const packing = packInTimeOrder(items, pagesPerBlock, prefer);
    for (const pieces of packing) for (const { block } of pieces) blocks = Math.max(blocks, block + 1);
    yield packing;
  }
  if (items.length * blocks > mostPairs) return;
  const itemsPerBlock = items.length / blocks;
  for (const order of ITEM_ORDERS) {
    yield packByInterval(items, requests, pagesPerBlock, itemsPerBlock, order);
  }
}

const sign = (difference: bigint): number => (difference > 0n ? 1 : difference < 0n ? -1 : 0);

function least(plans: readonly Plan[], compare: (a: Plan, b: Plan) => number): Plan {
  return plans.reduce((best, plan) => (compare(plan, best) < 0 ? plan : best));
}
