import { type AllocationId, nanoseconds } from '@decpool/model';
import { wholeNumber } from './random.ts';
import { RequestList } from './request-list.ts';
import { BLOCK_PAGES, FILLER_NS, fill, singlePage } from './whole-blocks.ts';
import { type Workload, workload } from './workload.ts';

export interface BestFitBlockSecondsOptions {
  /** Blocks that best fit keeps. */
  readonly blocks: number;
  /** How many times as long as a filler the pages live that it spreads over them. */
  readonly mu: number;
}

export const BEST_FIT_BLOCK_SECONDS_DEFAULTS: BestFitBlockSecondsOptions = { blocks: 32, mu: 100_000 };

/** Of the fillers of a block, the larger hole: it holds all pages. */
const WIDE_HOLE_PAGES = 64;
/** Where the two holes are among the fillers of a block: 256, 128, 64, ... and 1 at the end. */
const WIDE_HOLE = 2;
const NARROW_HOLE = -1;

/** Blocks that the live pages fill while the fillers live: all but the wide holes, and their pages in the narrow ones. */
const filledBlocks = (blocks: number): number =>
  Math.ceil((blocks * (BLOCK_PAGES - WIDE_HOLE_PAGES)) / BLOCK_PAGES);

/** Block-seconds of best fit to their lower bound: n mu / (F + mu - 1), with F blocks filled while the fillers live. */
export const bestFitRatio = ({ blocks, mu }: BestFitBlockSecondsOptions): number =>
  (blocks * mu) / (filledBlocks(blocks) + mu - 1);

/** Block-seconds of first fit to their lower bound: (n + mu - 1) / (F + mu - 1). */
export const firstFitRatio = ({ blocks, mu }: BestFitBlockSecondsOptions): number =>
  (blocks + mu - 1) / (filledBlocks(blocks) + mu - 1);

/**
 * Why best fit is not competitive in block-seconds: n blocks are filled, and in each two holes are made, a wide one of 64 pages
 * at a lower address than a narrow one of a single page. Then n pages come. Best fit puts each into a narrow hole, so one
 * into every block; first fit puts all of them into the wide hole of the lowest block. The fillers go, and best fit keeps n
 * blocks for as long as the pages live, where one would do. With n and the lifetime its ratio to the lower bound
 * grows beyond any limit, while that of first fit here is near 1.
 *
 * Li, Tang & Cai show for volumes, which have no holes, that best fit has no limit (On Dynamic Bin Packing for Resource
 * Allocation in the Cloud, SPAA 2014). Runs of pages, as here, need a simpler construction. All blocks are alike, so the order
 * of their addresses does not matter. Throws InputError for settings out of range.
 */
export function bestFitBlockSeconds(options: Partial<BestFitBlockSecondsOptions> = {}): Workload {
  const settings = { ...BEST_FIT_BLOCK_SECONDS_DEFAULTS, ...options };
  const { blocks, mu } = settings;
  wholeNumber('blocks', blocks, 1, WIDE_HOLE_PAGES);
  wholeNumber('mu', mu, 1, 1_000_000);
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
  const pages = Array.from({ length: blocks }, () => list.allocate(start, singlePage('long-lived')));
  for (const filler of fillers) list.free(nanoseconds(FILLER_NS), filler);
  for (const page of pages) list.free(nanoseconds(mu * FILLER_NS), page);
  return workload({
    name: 'best-fit-block-seconds',
    description: `Best fit spreads ${blocks} pages over ${blocks} blocks. First fit puts them into one.`,
    requests: list.requests,
    notes: [
      `Known answer, if empty blocks are returned: best fit needs ${bestFitRatio(settings).toFixed(2)} times the lower bound of block-seconds, first fit ${firstFitRatio(settings).toFixed(2)} times.`,
      'No random numbers: every seed makes the same requests.',
    ],
  });
}
