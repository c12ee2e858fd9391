import { type AllocationId, nanoseconds } from '@decpool/model';
import { dice, wholeNumber } from './random.ts';
import { RequestList } from './request-list.ts';
import { PAGE_SIZE, type Workload, workload } from './workload.ts';

export interface ChurnOptions {
  readonly seed: number;
  /** Allocations and frees together. */
  readonly requests: number;
  /** Pages that are live in the steady state: never more, and at most one allocation less. */
  readonly livePages: number;
}

export const CHURN_DEFAULTS: ChurnOptions = { seed: 1, requests: 20_000, livePages: 16_384 };

/** How often each order is asked for, of 100: mostly single pages, as in a running kernel. */
const ORDER_WEIGHTS = [60, 12, 10, 7, 5, 3, 3];
const ORDERS: readonly number[] = ORDER_WEIGHTS.flatMap((weight, order) => Array<number>(weight).fill(order));
const MAX_ORDER = ORDER_WEIGHTS.length - 1;

/** Pages of an allocation on average: what turns a number of live allocations into live pages. */
export const CHURN_MEAN_PAGES =
  ORDER_WEIGHTS.reduce((sum, weight, order) => sum + weight * 2 ** order, 0) / ORDERS.length;

const INTERVAL_NS = 1_000;

/**
 * Mixed orders in a steady state, to measure speed. Fills livePages, then frees random allocations whenever the next one does
 * not fit. Millions of requests take a second.
 * Throws InputError for settings out of range.
 */
export function churn(options: Partial<ChurnOptions> = {}): Workload {
  const { seed, requests, livePages } = { ...CHURN_DEFAULTS, ...options };
  wholeNumber('requests', requests, 1, 50_000_000);
  wholeNumber('livePages', livePages, 2 ** MAX_ORDER, 2 ** 28);
  const { between, pick } = dice(seed);
  const list = new RequestList();
  const live: { readonly allocation: AllocationId; readonly pages: number }[] = [];
  let used = 0;
  let pages = 2 ** pick(ORDERS);
  for (let index = 0; index < requests; index++) {
    const time = nanoseconds(index * INTERVAL_NS);
    if (used + pages <= livePages) {
      const allocation = list.allocate(time, {
        api: 'alloc_pages',
        pages,
        bytes: pages * PAGE_SIZE,
        owner: 'churn',
      });
      live.push({ allocation, pages });
      used += pages;
      pages = 2 ** pick(ORDERS);
    } else {
      // The last takes the place of the victim: which one stands where does not matter to a random pick.
      const at = between(0, live.length - 1);
      const victim = live[at];
      live[at] = live[live.length - 1];
      live.pop();
      list.free(time, victim.allocation);
      used -= victim.pages;
    }
  }
  return workload({
    name: 'churn',
    description: `Random allocations and frees of orders 0 to ${MAX_ORDER} that keep ${livePages} pages allocated.`,
    requests: list.requests,
    notes: [
      `Synthetic, to measure speed: ${requests} random requests, ${INTERVAL_NS / 1000} us apart, seed ${seed}. Lifetimes are memoryless, unlike those of drivers.`,
    ],
  });
}
