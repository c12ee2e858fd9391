import { type AllocationId, allocationId, nanoseconds, type Request } from '@decpool/model';
import { defineWorkload, SEED } from './define.ts';
import { dice } from './random.ts';
import { wholePages } from './request-list.ts';

/** How often each order is asked for, of 100: mostly single pages, as in a running kernel. */
const ORDER_WEIGHTS = [60, 12, 10, 7, 5, 3, 3];
const ORDERS: readonly number[] = ORDER_WEIGHTS.flatMap((weight, order) => Array<number>(weight).fill(order));
const MAX_ORDER = ORDER_WEIGHTS.length - 1;

export const CHURN_MEAN_PAGES =
  ORDER_WEIGHTS.reduce((sum, weight, order) => sum + weight * 2 ** order, 0) / ORDERS.length;

const INTERVAL_NS = 1_000;

export interface ChurnSettings {
  readonly seed: number;
  readonly requests: number;
  /** Most live pages. */
  readonly livePages: number;
}

/** The requests one by one: so they need not all be in memory at once. */
export function* churnRequests({ seed, requests, livePages }: ChurnSettings): Generator<Request> {
  const { between, pick } = dice(seed);
  const live: { readonly allocation: AllocationId; readonly pages: number }[] = [];
  let named = 0;
  let used = 0;
  let pages = 2 ** pick(ORDERS);
  for (let index = 0; index < requests; index++) {
    const time = nanoseconds(index * INTERVAL_NS);
    if (used + pages <= livePages) {
      const allocation = allocationId(++named);
      yield { kind: 'allocate', time, allocation, ...wholePages(pages, 'churn') };
      live.push({ allocation, pages });
      used += pages;
      pages = 2 ** pick(ORDERS);
    } else {
      // The last takes the victim's place: a random pick does not depend on the order.
      const at = between(0, live.length - 1);
      const victim = live[at];
      live[at] = live[live.length - 1];
      live.pop();
      yield { kind: 'free', time, allocation: victim.allocation };
      used -= victim.pages;
    }
  }
}

/** Fills livePages, then frees random allocations whenever the next one does not fit. Millions of requests take a second. */
export const churn = defineWorkload({
  name: 'churn',
  description: 'Random allocations and frees of orders 0 to 6 in a steady state, to measure speed.',
  parameters: {
    seed: SEED,
    requests: { default: 20_000, min: 1, max: 50_000_000, about: 'allocations and frees together' },
    livePages: {
      default: 16_384,
      min: 2 ** MAX_ORDER,
      max: 2 ** 28,
      unit: 'pages',
      about: 'most live pages; the steady state is at most one allocation below',
    },
  },
  requests: (settings) => [...churnRequests(settings)],
  text: ({ seed, requests, livePages }) => ({
    description: `Random allocations and frees of orders 0 to ${MAX_ORDER} that keep ${livePages} pages allocated.`,
    notes: [
      `Synthetic, to measure speed: ${requests} random requests, ${INTERVAL_NS / 1000} us apart, seed ${seed}. Lifetimes are memoryless, unlike those of drivers.`,
    ],
  }),
});
