/** Looks at blocks that changed, and keeps what is counted over all blocks: histograms, free chunks, what owners hold. */
import type { BlockPages } from './block-pages.ts';
import { cut, FreeChunks } from './free-chunks.ts';
import type { Holders } from './holders.ts';
import { OwnerHolds } from './owner-holds.ts';
import { HISTOGRAM_BARS } from './types.ts';

export class BlockSurvey {
  readonly occupancy: number[] = new Array(HISTOGRAM_BARS).fill(0);
  readonly longestFree: number[] = new Array(HISTOGRAM_BARS).fill(0);
  readonly free: FreeChunks;
  readonly holds = new OwnerHolds();
  readonly #holders: Holders;
  readonly #pagesPerBlock: number;
  /** By owner: pages in the block that is looked at, and the time of its oldest holder. */
  readonly #pages: number[] = [];
  readonly #oldest: number[] = [];

  constructor(blocks: number, pagesPerBlock: number, holders: Holders) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#holders = holders;
    this.free = new FreeChunks(blocks, pagesPerBlock);
  }

  /** Counts a block as it is now, in place of what it was when it was last counted. */
  settle(block: BlockPages): void {
    this.#count(block, -1);
    this.#scan(block);
    const isShared = block.exposed > 0;
    block.settled.usedBar = isShared ? this.#barOf(block.used) : -1;
    block.settled.freeBar = isShared ? this.#barOf(block.settled.longestFree) : -1;
    this.#count(block, 1);
  }

  /** Simulated ns since which the owner's oldest allocation is in the block that was settled last. */
  oldestOf(owner: number): number {
    return this.#oldest[owner];
  }

  #barOf(pages: number): number {
    return Math.floor((pages * (HISTOGRAM_BARS - 1)) / this.#pagesPerBlock);
  }

  #count({ block, settled }: BlockPages, sign: 1 | -1): void {
    if (settled.usedBar !== -1) this.occupancy[settled.usedBar] += sign;
    if (settled.freeBar !== -1) this.longestFree[settled.freeBar] += sign;
    this.free.change(block, settled.chunks, sign);
    this.holds.change(settled.owners, settled.pages, sign);
  }

  /** Goes over the pages once, a run that is free or that one holder has at a time. */
  #scan(block: BlockPages): void {
    const { holder, settled } = block;
    const end = this.#pagesPerBlock;
    const owners: number[] = [];
    settled.chunks.fill(0);
    settled.longestFree = 0;
    for (let at = 0; at < end; ) {
      const from = at;
      const held = holder[at];
      if (held !== 0) {
        while (at < end && holder[at] === held) at++;
        this.#hold(held, at - from, owners);
      } else if (block.isFree(at)) {
        while (at < end && block.isFree(at)) at++;
        settled.longestFree = Math.max(settled.longestFree, at - from);
        cut(from, at, 0, (order) => {
          settled.chunks[order]++;
        });
      } else {
        at++;
      }
    }
    owners.sort((a, b) => this.#pages[b] - this.#pages[a] || a - b);
    settled.owners = owners;
    settled.pages = owners.map((owner) => this.#pages[owner]);
    for (const owner of owners) this.#pages[owner] = 0;
  }

  #hold(holder: number, pages: number, owners: number[]): void {
    const owner = this.#holders.ownerOf(holder);
    const since = this.#holders.sinceOf(holder);
    const before = this.#pages[owner] ?? 0;
    if (before === 0) owners.push(owner);
    this.#pages[owner] = before + pages;
    this.#oldest[owner] = before === 0 ? since : Math.min(this.#oldest[owner], since);
  }
}
