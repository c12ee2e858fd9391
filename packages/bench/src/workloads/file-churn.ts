import type { Migratetype } from '@decpool/model';
import { nanoseconds } from '@decpool/model';
import { defineWorkload, SEED } from './define.ts';
import { dice, weighted } from './random.ts';
import { RequestList } from './request-list.ts';

const SECOND_NS = 1_000_000_000;

/**
 * What is taken, of 100 chunks. Assumed: mostly page cache, single pages and folios as readahead makes them (page_cache_ra_order(),
 * mm/readahead.c), some anonymous memory; inodes and dentries in slabs (Reclaimable); page tables, stacks, skbs (Unmovable).
 */
const CHUNKS = weighted<readonly [order: number, migratetype: Migratetype]>([
  [[0, 'Movable'], 55],
  [[2, 'Movable'], 15],
  [[4, 'Movable'], 5],
  [[9, 'Movable'], 1],
  [[0, 'Reclaimable'], 6],
  [[2, 'Reclaimable'], 3],
  [[0, 'Unmovable'], 10],
  [[1, 'Unmovable'], 3],
  [[3, 'Unmovable'], 2],
]);
/** Assumed: one chunk of five stays until memory is to be freed, which is any time later. */
const STAYING = 5;

/** Chunks among which one is picked that lives only for a short time. */
const RECENT = 200;

interface Held {
  readonly key: number;
  readonly pages: number;
}

/**
 * Load by others on the page allocator: tasks read files and drop them, fork and exit. It claims and returns unshared pages, so that
 * free memory is churned and fragmented while devices come and go: `kvm-snp+file-churn`.
 */
export const fileChurn = defineWorkload({
  name: 'file-churn',
  description: 'Other tasks take unshared pages and give them back. It goes with a second workload.',
  parameters: {
    seed: SEED,
    seconds: { default: 600, min: 1, max: 86_400, unit: 's', about: 'how long it goes on' },
    rate: { default: 50, min: 1, max: 10_000, unit: 'per s', about: 'chunks that are taken in a second' },
    pages: {
      default: 65_536,
      min: 1024,
      max: 16_777_216,
      unit: 'pages',
      about: 'pages that the tasks hold once they hold as many as they will',
    },
  },
  requests({ seed, seconds, rate, pages }) {
    const { between, pick } = dice(seed);
    const list = new RequestList();
    const held: Held[] = [];
    let heldPages = 0;
    const giveBack = (time: number, index: number) => {
      const [{ key, pages: count }] = held.splice(index, 1);
      heldPages -= count;
      list.backgroundFree(nanoseconds(time), key);
    };
    const gap = Math.floor(SECOND_NS / rate);
    for (let taken = 0; taken < seconds * rate; taken++) {
      const time = taken * gap;
      const [order, migratetype] = pick(CHUNKS);
      held.push({ key: list.backgroundAllocate(nanoseconds(time), order, migratetype), pages: 1 << order });
      heldPages += 1 << order;
      // A recent chunk goes soon, unless it is one of those that stay.
      if (between(1, STAYING) > 1)
        giveBack(time, held.length - 1 - between(0, Math.min(held.length - 1, RECENT)));
      while (heldPages > pages) giveBack(time, between(0, held.length - 1));
    }
    return list.requests;
  },
  text: ({ seed, seconds, rate, pages }) => ({
    description: `Other tasks take ${rate} chunks of unshared memory a second for ${seconds} s, and hold up to ${pages} pages.`,
    notes: [
      `Generated, not recorded: seed ${seed}. Orders, migratetypes, rates and lifetimes are assumed.`,
      'It makes no request for shared memory: its chunks are in no figure of a policy.',
    ],
  }),
});
