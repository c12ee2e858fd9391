import { type AllocationId, nanoseconds } from '@decpool/model';
import { wholeNumber } from './random.ts';
import { RequestList } from './request-list.ts';
import { BLOCK_PAGES, FILLER_NS, fill, singlePage } from './whole-blocks.ts';
import { type Workload, workload } from './workload.ts';

export interface FirstFitAdversaryOptions {
  /** Blocks that are left with one page each. */
  readonly blocks: number;
  /** Longest lifetime to shortest: how many times as long as a filler a single page lives. */
  readonly mu: number;
}

export const FIRST_FIT_ADVERSARY_DEFAULTS: FirstFitAdversaryOptions = { blocks: 256, mu: 10 };

/**
 * Block-seconds to their lower bound, for every policy that claims a block only when nothing fits, and gives one back that
 * is empty: all blocks are shared as long as the single pages live, though these would fit in few.
 *
 *     n mu / (n + (mu - 1) ceil(n / P))     n blocks of P pages
 *
 * It approaches mu as blocks are more and as long as their pages fit in one.
 */
export const firstFitAdversaryRatio = ({ blocks, mu }: FirstFitAdversaryOptions): number =>
  (blocks * mu) / (blocks + (mu - 1) * Math.ceil(blocks / BLOCK_PAGES));

/**
 * What no placement can help that does not know how long its allocations live: n times a single page and fillers that
 * take up the rest of its block exactly, so that the next page needs another block. Then the fillers go, and in each block one
 * page stays, for mu times as long as they lived. The fillers are chunks of 1, 2, 4, ... 256 pages behind the page, each at
 * its natural alignment, so that there is one place only for every request, under any placement that does not keep kinds of
 * requests apart.
 *
 * No policy that is told nothing of lifetimes can be sure to do better than mu, and first fit never does worse than mu + 3, with
 * mu the longest lifetime to the shortest, where requests are volumes (Ren, Tang, Li & Cai, Competitiveness of Dynamic Bin
 * Packing for Online Cloud Server Allocation, IEEE/ACM Transactions on Networking, 2017).
 * Throws InputError for settings out of range.
 */
export function firstFitAdversary(options: Partial<FirstFitAdversaryOptions> = {}): Workload {
  const settings = { ...FIRST_FIT_ADVERSARY_DEFAULTS, ...options };
  const { blocks, mu } = settings;
  wholeNumber('blocks', blocks, 1, 1 << 15);
  wholeNumber('mu', mu, 1, 1_000_000);
  const list = new RequestList();
  const start = nanoseconds(0);
  const pages: AllocationId[] = [];
  const fillers: AllocationId[] = [];
  for (let block = 0; block < blocks; block++) {
    pages.push(list.allocate(start, singlePage('long-lived')));
    fillers.push(...fill(list, start, 'ascending'));
  }
  for (const filler of fillers) list.free(nanoseconds(FILLER_NS), filler);
  for (const page of pages) list.free(nanoseconds(mu * FILLER_NS), page);
  return workload({
    name: 'first-fit-adversary',
    description: `One page in each of ${blocks} blocks that lives ${mu} times as long as what filled the rest.`,
    requests: list.requests,
    notes: [
      `known answer: block-seconds of ${firstFitAdversaryRatio(settings).toFixed(2)} times the lower bound under any fit that returns empty blocks; first fit is never above mu + 3 = ${mu + 3}`,
      'nothing is drawn at random: every seed makes the same requests',
    ],
  });
}
