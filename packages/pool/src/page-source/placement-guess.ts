/**
 * Positions for the free chunks of a zone, of which only counts are recorded: a seeded guess, so that a comparison
 * can run over many and show the spread.
 *
 * What is known is kept: every chunk is aligned, none touches another, no two free buddies of one order lie side by
 * side (they would have merged), chunks lie inside pageblocks of their migratetype, and the pageblock counts hold.
 * Free pages are not strewn evenly over memory: whole free pageblocks come first, and small chunks are packed into
 * the pageblocks that are in use.
 */
import { type Geometry, MAX_PAGE_ORDER } from '@decpool/model';
import { MIGRATETYPES, type PageRun, type ZoneState } from '@decpool/model/internal';
import { TYPE } from '../page-allocator/migratetypes.ts';
import { Pageblock } from './pageblock.ts';
import { type Random, randomFrom, shuffle } from './random.ts';

export interface PlacedChunk {
  readonly pfn: number;
  readonly order: number;
  /** Code of the migratetype whose list it is in. */
  readonly type: number;
}

export interface PlacementGuess {
  /** In list order: the first of a list is served first. */
  readonly chunks: readonly PlacedChunk[];
  /** Migratetype code of each pageblock of the zone, by block index. */
  readonly pageblocks: ReadonlyMap<number, number>;
  /** Chunks that had to go into a pageblock of another migratetype. */
  readonly misplaced: number;
  /** Chunks that fit nowhere: the counts contradict the zone's size. */
  readonly dropped: number;
}

/**
 * Free-list neighbours that lie in the same pageblock. Freed pages are put at the head of a list one after the
 * other, so neighbours in a list were often neighbours in memory. Calibrated on one recording: with 6.1 and memory
 * fragmented on purpose, 2048 order-0 requests split 425 of the 492 pageblocks they could come from.
 */
const NEIGHBOURS = 2;

/** `reserved`: whole pageblocks that are in use. */
export function guessPlacement(
  zone: ZoneState,
  geometry: Geometry,
  seed: number,
  reserved: PageRun = [0, 0],
): PlacementGuess {
  return new Guess(zone, geometry, randomFrom(seed), reserved).result();
}

class Guess {
  readonly #zone: ZoneState;
  readonly #random: Random;
  readonly #reserved: PageRun;
  readonly #pageblockPages: number;
  readonly #pageblockOrder: number;
  readonly #chunks: PlacedChunk[] = [];
  readonly #typeOf = new Map<number, number>();
  /** Pageblocks in use, by migratetype: where small chunks go. */
  readonly #inUse: Pageblock[][] = MIGRATETYPES.map(() => []);
  #reservedBlocks = 0;
  #misplaced = 0;
  #dropped = 0;

  constructor(zone: ZoneState, geometry: Geometry, random: Random, reserved: PageRun) {
    this.#zone = zone;
    this.#random = random;
    this.#reserved = reserved;
    this.#pageblockPages = geometry.pagesPerBlock;
    this.#pageblockOrder = Math.log2(geometry.pagesPerBlock);
  }

  result(): PlacementGuess {
    this.#assignTypes(this.#placeWholePageblocks());
    for (let order = this.#pageblockOrder - 1; order >= 0; order--) {
      for (let type = 0; type < MIGRATETYPES.length; type++) this.#placeSmall(order, type);
    }
    return {
      chunks: this.#chunks,
      pageblocks: this.#typeOf,
      misplaced: this.#misplaced,
      dropped: this.#dropped,
    };
  }

  #count(type: number, order: number): number {
    return this.#zone.free[MIGRATETYPES[type]][order];
  }

  /**
   * Places the chunks of one pageblock or more, and returns the pageblocks that are left. A chunk of exactly one
   * pageblock leaves its buddy pageblock in use, or the two would have merged.
   */
  #placeWholePageblocks(): number[] {
    const { pairs, singles, partial: left } = this.#pageblocks();
    for (let order = MAX_PAGE_ORDER; order >= this.#pageblockOrder; order--) {
      for (let type = 0; type < MIGRATETYPES.length; type++) {
        for (let wanted = this.#count(type, order); wanted > 0; wanted--) {
          const isPair = order > this.#pageblockOrder;
          const single = isPair ? undefined : singles.pop();
          const block = single ?? pairs.pop();
          if (block === undefined) {
            this.#dropped += wanted;
            break;
          }
          this.#chunks.push({ pfn: block * this.#pageblockPages, order, type });
          this.#typeOf.set(block, type);
          if (isPair) this.#typeOf.set(block + 1, type);
          else if (single === undefined) left.push(block + 1);
        }
      }
    }
    for (const block of pairs) left.push(block, block + 1);
    return shuffle([...left, ...singles], this.#random);
  }

  /** The zone's pageblocks, shuffled: aligned pairs of RAM throughout, whole ones without such a buddy, the others. */
  #pageblocks(): { pairs: number[]; singles: number[]; partial: number[] } {
    const whole = new Set<number>();
    const partial = new Set<number>();
    for (const [start, pages] of this.#zone.ram) {
      const end = (start + pages) / this.#pageblockPages;
      for (let block = Math.floor(start / this.#pageblockPages); block < end; block++) {
        if (this.#isReserved(block)) {
          this.#reservedBlocks++;
          continue;
        }
        const isWhole = block * this.#pageblockPages >= start && block + 1 <= end;
        (isWhole ? whole : partial).add(block);
      }
    }
    const pairs = [...whole].filter((block) => block % 2 === 0 && whole.has(block + 1));
    const singles = [...whole].filter((block) => !whole.has(block ^ 1));
    return {
      pairs: shuffle(pairs, this.#random),
      singles: shuffle(singles, this.#random),
      partial: [...partial],
    };
  }

  #isReserved(block: number): boolean {
    const [start, pages] = this.#reserved;
    return block * this.#pageblockPages >= start && block * this.#pageblockPages < start + pages;
  }

  /** Gives the pageblocks in use their migratetypes, so that the zone's recorded numbers come out. */
  #assignTypes(blocks: readonly number[]): void {
    const quota = MIGRATETYPES.map((name) => this.#zone.pageblocks[name]);
    for (const type of this.#typeOf.values()) quota[type]--;
    // As at boot, when all pageblocks are (memmap_init_range(), mm/mm_init.c).
    quota[TYPE.Movable] -= this.#reservedBlocks;
    const { ram } = this.#zone;
    let type = 0;
    for (const block of blocks) {
      while (type < quota.length && quota[type] <= 0) type++;
      const given = type < quota.length ? type : TYPE.Movable;
      quota[given]--;
      this.#typeOf.set(block, given);
      this.#inUse[given].push(new Pageblock(block * this.#pageblockPages, this.#pageblockPages, ram));
    }
  }

  #placeSmall(order: number, type: number): void {
    const wanted = this.#count(type, order);
    if (wanted === 0) return;
    const runs: number[][] = [];
    const left = this.#spread(this.#inUse[type], order, wanted, runs);
    const elsewhere = this.#inUse.flatMap((blocks, other) => (other === type ? [] : blocks));
    const lost = left === 0 ? 0 : this.#spread(elsewhere, order, left, runs);
    this.#misplaced += left - lost;
    this.#dropped += lost;
    for (const run of shuffle(runs, this.#random)) {
      for (const pfn of run) this.#chunks.push({ pfn, order, type });
    }
  }

  /** Places chunks over pageblocks at about the same density, as runs of neighbours; returns how many did not fit. */
  #spread(blocks: readonly Pageblock[], order: number, wanted: number, runs: number[][]): number {
    let left = wanted;
    // A second round takes what the first could not place where a block was full.
    for (let round = 0; round < 2 && left > 0; round++) {
      for (const [index, block] of blocks.entries()) {
        if (left === 0) break;
        const share = round === 0 ? Math.ceil(left / (blocks.length - index)) : left;
        const placed = block.place(order, Math.min(share, left), this.#random);
        left -= placed.length;
        for (let from = 0; from < placed.length; from += NEIGHBOURS) {
          runs.push(placed.slice(from, from + NEIGHBOURS));
        }
      }
    }
    return left;
  }
}
