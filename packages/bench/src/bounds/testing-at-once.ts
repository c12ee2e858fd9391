/** For specs: what takes steps, without a turn for others. */
import * as bounds from './bounds.ts';
import * as byInterval from './by-interval.ts';
import * as inTimeOrder from './in-time-order.ts';
import * as items from './items.ts';
import * as offline from './offline.ts';
import * as pack from './pack.ts';
import * as replay from './replay-plan.ts';
import type { Steps } from './steps.ts';

const atOnce =
  <Args extends readonly unknown[], T>(begin: (...args: Args) => Steps<T>) =>
  (...args: Args): T => {
    const steps = begin(...args);
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
    }
  };

export const requestBounds = atOnce(bounds.requestBounds);
export const offlineBound = atOnce(offline.offlineBound);
export const bestPlans = atOnce(pack.bestPlans);
export const heuristicPackings = atOnce(pack.heuristicPackings);
export const packByInterval = atOnce(byInterval.packByInterval);
export const packInTimeOrder = atOnce(inTimeOrder.packInTimeOrder);
export const recordItems = atOnce(items.recordItems);
export const replayPlan = atOnce(replay.replayPlan);
