import { type AllocationId, nanoseconds } from '@decpool/model';
import { defineWorkload, type ParameterTable, type Settings } from './define.ts';
import { RequestList, wholePages } from './request-list.ts';
import { BLOCK_PAGES, FILLER_NS, fill } from './whole-blocks.ts';

/** Of the fillers of a block, the larger hole: it holds all pages. */
const WIDE_HOLE_PAGES = 64;
/** Where the two holes are among the fillers of a block: 256, 128, 64, ... and 1 at the end. */
const WIDE_HOLE = 2;
const NARROW_HOLE = -1;

const PARAMETERS = {
  blocks: { default: 32, min: 1, max: WIDE_HOLE_PAGES, about: 'blocks that best fit keeps' },
  mu: {
    default: 100_000,
    min: 1,
    max: 1_000_000,
    about: 'longest over shortest lifetime: the pages live mu times as long as a filler',
  },
} satisfies ParameterTable;

/** Blocks that the live pages fill while the fillers live: all but the wide holes, and their pages in the narrow ones. */
const filledBlocks = (blocks: number): number =>
  Math.ceil((blocks * (BLOCK_PAGES - WIDE_HOLE_PAGES)) / BLOCK_PAGES);

/** Block-seconds of best fit to their lower bound: n mu / (F + mu - 1), with F blocks filled while the fillers live. */
export const bestFitRatio = ({ blocks, mu }: Settings<typeof PARAMETERS>): number =>
  (blocks * mu) / (filledBlocks(blocks) + mu - 1);

/** Block-seconds of first fit to their lower bound: (n + mu - 1) / (F + mu - 1). */
export const firstFitRatio = ({ blocks, mu }: Settings<typeof PARAMETERS>): number =>
  (blocks + mu - 1) / (filledBlocks(blocks) + mu - 1);

/**
 * Why best fit is not competitive in block-seconds: n blocks are filled. In each, fillers are freed to leave a wide hole of 64 pages
 * and, at a higher address, a narrow one of a single page. Then n pages come. Best fit puts one into the narrow hole of every
 * block; first fit puts all into the wide hole of the lowest block. The fillers go, and best fit keeps n blocks for as long as
 * the pages live, where one would do. Its ratio to the lower bound grows with n and the lifetime; that of first fit is near 1.
 *
 * Li, Tang & Cai show for volumes, which have no holes, that best fit has no limit (On Dynamic Bin Packing for Resource
 * Allocation in the Cloud, SPAA 2014). Runs of pages need a simpler construction. All blocks are alike, so their order does not matter.
 */
export const bestFitBlockSeconds = defineWorkload({
  name: 'best-fit-block-seconds',
  description: 'Best fit spreads long-lived pages over many blocks. First fit puts them into one.',
  parameters: PARAMETERS,
  expected: (defaults) => [
    {
      policy: 'best-fit+block+immediate',
      figure: 'block-seconds',
      expected: bestFitRatio(defaults),
      tolerance: 0,
      source:
        'n mu / (F + mu - 1) with n = 32 blocks, F = 28 blocks of live pages at first, mu = 100,000; approaches n as mu grows',
    },
    {
      policy: 'first-fit+block+immediate',
      figure: 'block-seconds',
      expected: firstFitRatio(defaults),
      tolerance: 0,
      source: '(n + mu - 1) / (F + mu - 1) with the same n, F and mu; approaches 1 as mu grows',
    },
  ],
  requests({ blocks, mu }) {
    const list = new RequestList();
    const start = nanoseconds(0);
    const holes: AllocationId[] = [];
    const fillers: AllocationId[] = [];
    for (let block = 0; block < blocks; block++) {
      const chunks = fill(list, start, 'descending');
      holes.push(...chunks.splice(NARROW_HOLE, 1), ...chunks.splice(WIDE_HOLE, 1));
      fillers.push(...chunks);
    }
    for (const hole of holes) list.free(start, hole);
    const pages = Array.from({ length: blocks }, () => list.allocate(start, wholePages(1, 'long-lived')));
    for (const filler of fillers) list.free(nanoseconds(FILLER_NS), filler);
    for (const page of pages) list.free(nanoseconds(mu * FILLER_NS), page);
    return list.requests;
  },
  text: (settings) => ({
    description: `Best fit spreads ${settings.blocks} pages over ${settings.blocks} blocks. First fit puts them into one.`,
    notes: [
      `Known answer, if empty blocks are returned: best fit needs ${bestFitRatio(settings).toFixed(2)} times the lower bound of block-seconds, first fit ${firstFitRatio(settings).toFixed(2)} times.`,
      'No random numbers: every seed makes the same requests.',
    ],
  }),
});
