/** What is counted over all blocks, kept up as blocks change: histograms, free chunks, and what each owner holds. */
import type { BlockView } from '@decpool/model';
import type { BlockHolder } from '@decpool/model/internal';
import { countChunks, FreeChunks, ORDERS } from './free-chunks.ts';
import { OwnerHolds } from './owner-holds.ts';
import { HISTOGRAM_BARS } from './types.ts';

interface Counted {
  /** Bars of the histograms that the block is in; -1 for none. */
  usedBar: number;
  freeBar: number;
  /** Free chunks by order, as FreeChunks takes them. */
  readonly chunks: number[];
  holders: readonly BlockHolder[];
}

export class BlockSurvey {
  readonly occupancy: number[] = new Array(HISTOGRAM_BARS).fill(0);
  readonly longestFree: number[] = new Array(HISTOGRAM_BARS).fill(0);
  readonly free: FreeChunks;
  readonly holds = new OwnerHolds();
  readonly #pagesPerBlock: number;
  readonly #counted: (Counted | undefined)[] = [];

  constructor(blocks: number, pagesPerBlock: number) {
    this.#pagesPerBlock = pagesPerBlock;
    this.free = new FreeChunks(blocks, pagesPerBlock);
  }

  /** Counts a block as it is now, in place of what it was when it was last counted. `freeRuns`: as StateView has them. */
  settle(block: number, view: BlockView, freeRuns: readonly number[], holders: readonly BlockHolder[]): void {
    this.#counted[block] ??= { usedBar: -1, freeBar: -1, chunks: new Array(ORDERS).fill(0), holders: [] };
    const counted = this.#counted[block];
    this.#count(block, counted, -1);
    const { chunks } = counted;
    chunks.fill(0);
    let longest = 0;
    for (let run = 0; run < freeRuns.length; run += 2) {
      longest = Math.max(longest, freeRuns[run + 1] - freeRuns[run]);
      countChunks(freeRuns[run], freeRuns[run + 1], 0, (order) => {
        chunks[order]++;
      });
    }
    const isShared = view.shared + view.unknown > 0;
    counted.usedBar = isShared ? this.#barOf(view.allocated) : -1;
    counted.freeBar = isShared ? this.#barOf(longest) : -1;
    counted.holders = holders;
    this.#count(block, counted, 1);
  }

  #barOf(pages: number): number {
    return Math.floor((pages * (HISTOGRAM_BARS - 1)) / this.#pagesPerBlock);
  }

  #count(block: number, { usedBar, freeBar, chunks, holders }: Counted, sign: 1 | -1): void {
    if (usedBar !== -1) this.occupancy[usedBar] += sign;
    if (freeBar !== -1) this.longestFree[freeBar] += sign;
    this.free.change(block, chunks, sign);
    this.holds.change(holders, sign);
  }
}
