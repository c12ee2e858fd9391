/**
 * The spread end of the interval, rules 4 to 6 of docs/scatter.md: the requests use up the free chunks so that they touch
 * the most blocks.
 */
import { MAX_PAGE_ORDER, MIGRATETYPES, type Migratetype, type ZoneState } from '@decpool/model';
import type { ScatterRequest } from './run.ts';

/** Zones of one name, of all nodes: /proc/vmstat counts them together. */
export interface Supply {
  readonly states: readonly ZoneState[];
  /** Blocks mapped by 2M or 1G entries. */
  readonly largeBlocks: number;
  /** Pages that they served during the run, to all tasks. */
  readonly served: number;
}

/** Free chunks by order. */
type Counts = number[];

/** More than any order. */
const NONE = MAX_PAGE_ORDER + 1;

/** Blocks that the requests touch and can have split, if each free chunk lies in a block of its own. */
export function blocksWhenSpread(
  supplies: readonly Supply[],
  requests: readonly ScatterRequest[],
  blockOrder: number,
  pagesByOthers: number,
): number {
  const others = { pages: pagesByOthers };
  const zones = supplies.map((supply) => new Chunks(supply, blockOrder, others));
  for (const request of requests) {
    if (request.kind === 'free') continue;
    const choices = zones.flatMap((zone) => zone.choose(request.order) ?? []);
    choices.sort((a, b) => a.rank - b.rank)[0]?.take();
  }
  return zones.reduce((sum, zone) => sum + zone.blocks, 0);
}

/** How zones serve a request. The zone with the lowest rank does. */
interface Choice {
  readonly rank: number;
  take(): void;
}

class Chunks {
  readonly #supply: Supply;
  readonly #blockOrder: number;
  /** Pages that other tasks can still have taken; shared by all zones. */
  readonly #others: { pages: number };
  /** Pages that the zones can still serve. */
  #left: number;
  /** Unmovable chunks in blocks that no request has touched. */
  readonly #fresh: Counts;
  /** Chunks of other migratetypes. */
  readonly #fallback: Counts;
  /** What requests left of their chunks. */
  readonly #rest: Counts;
  /** The same, after other tasks took a page of it and gave it back. */
  readonly #givenBack: Counts;
  #fallsBack = false;
  /** Blocks touched through chunks smaller than a block. */
  #touched = 0;
  /** Blocks touched that were free as a whole. */
  #opened = 0;

  constructor(supply: Supply, blockOrder: number, others: { pages: number }) {
    this.#supply = supply;
    this.#blockOrder = blockOrder;
    this.#others = others;
    this.#left = supply.served;
    this.#fresh = countsOf(supply.states, ['Unmovable']);
    // Where unmovable requests look next: fallbacks[], mm/page_alloc.c.
    this.#fallback = countsOf(supply.states, ['Reclaimable', 'Movable']);
    this.#rest = this.#fresh.map(() => 0);
    this.#givenBack = this.#fresh.map(() => 0);
  }

  /** Blocks that are touched and can have been split. */
  get blocks(): number {
    const { states, largeBlocks } = this.#supply;
    const types = this.#fallsBack ? MIGRATETYPES : (['Unmovable'] as const);
    const inUse = states
      .flatMap(({ pageblocks, free }) =>
        types.map((type) => pageblocks[type] - wholeBlocks(free[type], this.#blockOrder)),
      )
      .reduce((sum, blocks) => sum + blocks, 0);
    return Math.min(largeBlocks, Math.min(this.#touched, Math.max(0, inUse)) + this.#opened);
  }

  /** A fresh chunk, then the rest of another request's chunk, then a chunk of another migratetype. Undefined if none can serve. */
  choose(order: number): Choice | undefined {
    if (this.#left < 1 << order) return undefined;
    const fresh = smallest(this.#fresh, order);
    if (fresh < NONE && this.#pagesToSpoil(order, fresh) <= this.#others.pages) {
      return this.#choice(fresh, order, () => {
        this.#spoil(order, fresh);
        this.#takeFresh(fresh, order);
      });
    }
    const [rest, givenBack] = [smallest(this.#rest, order), smallest(this.#givenBack, order)];
    if (Math.min(rest, givenBack) < NONE) {
      return this.#choice(NONE + Math.min(rest, givenBack), order, () => {
        if (rest < NONE) takeChunk(this.#rest, rest, order);
        else takeChunk(this.#givenBack, givenBack, order);
      });
    }
    // The largest, as in __rmqueue_fallback(), mm/page_alloc.c.
    const other = this.#fallback.findLastIndex((count) => count > 0);
    if (other < order) return undefined;
    return this.#choice(2 * NONE, order, () => {
      this.#fallsBack = true;
      this.#fallback[other]--;
      this.#fresh[other]++;
      this.#takeFresh(other, order);
    });
  }

  #choice(rank: number, order: number, take: () => void): Choice {
    return {
      rank,
      take: () => {
        this.#left -= 1 << order;
        take();
      },
    };
  }

  /** Pages that others must have taken so that only the fresh chunk can serve: one of each 2^order pages of every smaller rest. */
  #pagesToSpoil(order: number, fresh: number): number {
    let pages = 0;
    for (let current = order; current < fresh; current++) {
      pages += this.#rest[current] * (1 << (current - order));
    }
    return pages;
  }

  /** Others take those pages, and give them back later. */
  #spoil(order: number, fresh: number): void {
    this.#others.pages -= this.#pagesToSpoil(order, fresh);
    for (let current = order; current < fresh; current++) {
      const chunks = this.#rest[current];
      this.#givenBack[current] += chunks;
      this.#rest[current] = 0;
      for (let below = 0; below < order; below++) this.#rest[below] += chunks * (1 << (current - order));
    }
  }

  /** Serves a request from a chunk of order `fresh` in blocks of its own. */
  #takeFresh(fresh: number, order: number): void {
    let current = fresh;
    this.#fresh[current]--;
    // Half of a chunk of several blocks is in blocks that no request has touched.
    for (; current > order && current > this.#blockOrder; current--) this.#fresh[current - 1]++;
    if (order >= this.#blockOrder) return;
    if (current === this.#blockOrder) this.#opened++;
    else this.#touched++;
    // The split of the block takes a page for a page table.
    this.#others.pages++;
    this.#rest[current]++;
    takeChunk(this.#rest, current, order);
  }
}

/** Smallest order from `order` on of which there is a chunk; NONE if there is none. */
function smallest(counts: Counts, order: number): number {
  let current = order;
  while (current < NONE && counts[current] === 0) current++;
  return current;
}

/** Takes a chunk of `from` and gives back what a request of `order` leaves of it: expand(), mm/page_alloc.c. */
function takeChunk(counts: Counts, from: number, order: number): void {
  counts[from]--;
  for (let current = from; current > order; current--) counts[current - 1]++;
}

function countsOf(states: readonly ZoneState[], types: readonly Migratetype[]): Counts {
  return Array.from({ length: MAX_PAGE_ORDER + 1 }, (_, order) =>
    states
      .flatMap(({ free }) => types.map((type) => free[type][order]))
      .reduce((sum, count) => sum + count, 0),
  );
}

const wholeBlocks = (free: readonly number[], blockOrder: number): number =>
  free.slice(blockOrder).reduce((sum, count, above) => sum + count * (1 << above), 0);
