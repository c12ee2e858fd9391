import { type AllocationId, nanoseconds } from '@decpool/model';
import { defineWorkload, type ParameterTable, type Settings } from './define.ts';
import { RequestList, wholePages } from './request-list.ts';
import { BLOCK_PAGES, FILLER_NS, fill } from './whole-blocks.ts';

const PARAMETERS = {
  blocks: { default: 256, min: 1, max: 1 << 15, about: 'blocks that are left with one page each' },
  mu: {
    default: 10,
    min: 1,
    max: 1_000_000,
    about: 'longest over shortest lifetime: a single page lives mu times as long as a filler',
  },
} satisfies ParameterTable;

/**
 * Block-seconds to their lower bound, for policies that claim a block only when nothing fits and return empty blocks. All blocks
 * are shared as long as the single pages live:
 *
 *     n mu / (n + (mu - 1) ceil(n / P))     n blocks of P pages
 */
export const firstFitAdversaryRatio = ({ blocks, mu }: Settings<typeof PARAMETERS>): number =>
  (blocks * mu) / (blocks + (mu - 1) * Math.ceil(blocks / BLOCK_PAGES));

/**
 * A placement that does not know lifetimes cannot avoid this. n times, a single page is followed by fillers that take exactly
 * the rest of its block: chunks of 1, 2, 4, ... 256 pages, each at its natural alignment. Then the fillers are freed. In each block
 * one page stays, for mu times as long as the fillers lived.
 *
 * Without knowledge of lifetimes no policy can guarantee less than mu, the longest lifetime over the shortest. First fit never
 * exceeds mu + 3, if requests are volumes (Ren, Tang, Li & Cai, Competitiveness of Dynamic Bin Packing for Online Cloud Server
 * Allocation, IEEE/ACM Transactions on Networking, 2017).
 */
export const firstFitAdversary = defineWorkload({
  name: 'first-fit-adversary',
  description: 'One page stays in every filled block: close to the worst case of first fit in block-seconds.',
  parameters: PARAMETERS,
  expected: (defaults) =>
    ['first-fit', 'best-fit', 'buddy'].map((placement) => ({
      policy: `${placement}+block+immediate`,
      figure: 'block-seconds',
      expected: firstFitAdversaryRatio(defaults),
      tolerance: 0,
      source:
        'n mu / (n + mu - 1) with n = 256 blocks and mu = 10, the longest over the shortest lifetime; first fit: at most mu + 3',
    })),
  requests({ blocks, mu }) {
    const list = new RequestList();
    const start = nanoseconds(0);
    const pages: AllocationId[] = [];
    const fillers: AllocationId[] = [];
    for (let block = 0; block < blocks; block++) {
      pages.push(list.allocate(start, wholePages(1, 'long-lived')));
      fillers.push(...fill(list, start, 'ascending'));
    }
    for (const filler of fillers) list.free(nanoseconds(FILLER_NS), filler);
    for (const page of pages) list.free(nanoseconds(mu * FILLER_NS), page);
    return list.requests;
  },
  text: (settings) => ({
    description: `One page in each of ${settings.blocks} blocks lives ${settings.mu} times as long as the chunks in the rest of the block.`,
    notes: [
      `Known answer: ${firstFitAdversaryRatio(settings).toFixed(2)} times the lower bound of block-seconds, under any fit that returns empty blocks. First fit is never above mu + 3 = ${settings.mu + 3}; mu is the longest over the shortest lifetime.`,
      'No random numbers: every seed makes the same requests.',
    ],
  }),
});
