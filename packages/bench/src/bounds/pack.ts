/** The best of several packings of the same items: for blocks at peak, and for block-seconds. */
import { lowestFirst } from './blocks.ts';
import { ITEM_ORDERS, packByInterval } from './by-interval.ts';
import { exactPlans } from './exact.ts';
import { departureFirst, fullestFirst, packInTimeOrder } from './in-time-order.ts';
import type { PageItem } from './items.ts';
import type { Moments } from './moments.ts';
import { type Packing, type Plan, planOf } from './plan.ts';
import type { Steps } from './steps.ts';

interface BestPlans {
  /** Fewest blocks at peak; of these, fewest block-seconds. */
  readonly byPeak: Plan;
  /** Fewest block-seconds; of these, fewest blocks at peak. */
  readonly byBlockTime: Plan;
}

const IN_TIME_ORDER = [lowestFirst, fullestFirst, departureFirst];

/**
 * Packings by interval can compare each item with every block; they are made up to `maxPairs` such pairs. Throws RangeError if a
 * block cannot be shared in time: see openingFor().
 */
export function* bestPlans(
  items: readonly PageItem[],
  pagesPerBlock: number,
  moments: Moments,
  maxPairs: number,
): Steps<BestPlans> {
  const plans =
    exactPlans(items, pagesPerBlock, moments) ??
    (yield* heuristicPackings(items, pagesPerBlock, moments.requests.length, maxPairs)).map((packing) =>
      planOf(items, packing, moments),
    );
  return {
    byPeak: least(plans, (a, b) => a.blocksPeak - b.blocksPeak || Number(a.blockNs - b.blockNs)),
    byBlockTime: least(plans, (a, b) => Number(a.blockNs - b.blockNs) || a.blocksPeak - b.blocksPeak),
  };
}

export function* heuristicPackings(
  items: readonly PageItem[],
  pagesPerBlock: number,
  requests: number,
  maxPairs: number,
): Steps<Packing[]> {
  const packings: Packing[] = [];
  let blocks = 1;
  for (const prefer of IN_TIME_ORDER) {
    const packing = yield* packInTimeOrder(items, pagesPerBlock, prefer);
    for (const pieces of packing) for (const { block } of pieces) blocks = Math.max(blocks, block + 1);
    packings.push(packing);
  }
  if (items.length * blocks > maxPairs) return packings;
  const itemsPerBlock = items.length / blocks;
  for (const order of ITEM_ORDERS) {
    packings.push(yield* packByInterval(items, requests, pagesPerBlock, itemsPerBlock, order));
  }
  return packings;
}

function least(plans: readonly Plan[], compare: (a: Plan, b: Plan) => number): Plan {
  return plans.reduce((best, plan) => (compare(plan, best) < 0 ? plan : best));
}
