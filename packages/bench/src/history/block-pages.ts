/** What is known of the pages of one block; made when something first happens in it. */

export const CLAIMED = 1;
export const SHARED = 2;
export const UNKNOWN = 4;
export const LEAKED = 8;

/** How the free pages of a block lie, and who holds the others: what is worked out of it at the end of a frame. */
export interface Settled {
  /** Pages of the longest run of free ones. */
  longestFree: number;
  /** Free chunks by order, as FreeChunks takes them. */
  readonly chunks: Uint16Array;
  /** Owners with pages in the block, and how many, most first. */
  owners: readonly number[];
  pages: readonly number[];
  /** Bars of the histograms that the block is in; -1 for none. */
  usedBar: number;
  freeBar: number;
}

export class BlockPages {
  readonly block: number;
  /** Of each page: CLAIMED, SHARED, ... */
  readonly flags: Uint8Array;
  /** Of each page: the number of what holds it, as Holders gives it; 0 for nothing. */
  readonly holder: Uint32Array;
  shared = 0;
  unknown = 0;
  leaked = 0;
  used = 0;
  isSplit = false;
  /** Simulated ns since which a page is shared or unknown; -1 where none is. */
  since = -1;
  /** Whether something happened in it since the frame before. */
  hasChanged = false;
  readonly settled: Settled;

  constructor(block: number, pages: number, orders: number) {
    this.block = block;
    this.flags = new Uint8Array(pages);
    this.holder = new Uint32Array(pages);
    this.settled = {
      longestFree: 0,
      chunks: new Uint16Array(orders),
      owners: [],
      pages: [],
      usedBar: -1,
      freeBar: -1,
    };
  }

  /** Pages that the host can see, or of which nobody knows. */
  get exposed(): number {
    return this.shared + this.unknown;
  }

  /** Sets and clears flags of pages [from, to). */
  mark(from: number, to: number, set: number, clear: number): void {
    const { flags } = this;
    let [shared, unknown, leaked] = [0, 0, 0];
    for (let page = from; page < to; page++) {
      const before = flags[page];
      const after = (before & ~clear) | set;
      flags[page] = after;
      shared += Number((after & SHARED) !== 0) - Number((before & SHARED) !== 0);
      unknown += Number((after & UNKNOWN) !== 0) - Number((before & UNKNOWN) !== 0);
      leaked += Number((after & LEAKED) !== 0) - Number((before & LEAKED) !== 0);
    }
    this.shared += shared;
    this.unknown += unknown;
    this.leaked += leaked;
  }

  /** Nobody's, and fit to be handed out: what is unknown or leaked is not. */
  isFree(page: number): boolean {
    return this.holder[page] === 0 && (this.flags[page] & (CLAIMED | UNKNOWN | LEAKED)) === CLAIMED;
  }
}
