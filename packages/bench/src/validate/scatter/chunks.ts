/**
 * The free chunks of some zones, without positions, used up in the way that touches the most blocks: rules 4 to 6
 * of interval.ts. Chunks are counted by order and by what is known of their block: no request has touched it
 * (`fresh`), or one has and this is the rest.
 */
import { MAX_PAGE_ORDER, MIGRATETYPES, type Migratetype, type ZoneState } from '@decpool/model';

/** Zones of one name, of all nodes: /proc/vmstat counts them together. */
export interface Supply {
  readonly states: readonly ZoneState[];
  /** Blocks mapped by 2M or 1G entries. */
  readonly largeBlocks: number;
  /** Pages that they served during the run, to anybody. */
  readonly served: number;
}

const NONE = MAX_PAGE_ORDER + 1;

/** Free chunks by order, without positions. */
type Counts = number[];

/** Smallest order from `order` on of which there is a chunk; NONE when there is not. */
function smallest(counts: Counts, order: number): number {
  let current = order;
  while (current < NONE && counts[current] === 0) current++;
  return current;
}

/** The free chunks of zones of one name, used up in the most spread way. */
export class Chunks {
  /** Pages that the zones still serve. */
  left: number;
  readonly #zone: Supply;
  readonly #blockOrder: number;
  /** Pages that others can still have taken; shared by all zones. */
  readonly #others: { pages: number };
  /** In blocks that no request has touched. */
  readonly #fresh: Counts;
  /** What requests left of chunks. */
  readonly #rest: Counts;
  /** The same, taken by others and given back: it serves when nothing else does. */
  readonly #lent: Counts;
  /** Untouched, of other migratetypes. */
  readonly #fallback: Counts;
  #fallsBack = false;
  /** Blocks touched through chunks smaller than a block. */
  #touched = 0;
  /** Blocks touched that were free as a whole. */
  #opened = 0;

  constructor(zone: Supply, blockOrder: number, others: { pages: number }) {
    this.#zone = zone;
    this.#blockOrder = blockOrder;
    this.#others = others;
    this.left = zone.served;
    this.#fresh = countsOf(zone.states, ['Unmovable']);
    // Where unmovable requests look next: fallbacks[], mm/page_alloc.c.
    this.#fallback = countsOf(zone.states, ['Reclaimable', 'Movable']);
    this.#rest = this.#fresh.map(() => 0);
    this.#lent = this.#fresh.map(() => 0);
  }

  /** Blocks that are touched and can have been split. */
  get blocks(): number {
    const { states, largeBlocks } = this.#zone;
    const inUse = states.reduce((sum, { pageblocks, free }) => {
      const types = this.#fallsBack ? MIGRATETYPES : (['Unmovable'] as const);
      return (
        sum +
        types.reduce((count, type) => count + pageblocks[type] - wholeBlocks(free[type], this.#blockOrder), 0)
      );
    }, 0);
    return Math.min(largeBlocks, Math.min(this.#touched, Math.max(0, inUse)) + this.#opened);
  }

  /** Less is tried before: a fresh chunk, then what is left of others, then another migratetype; small ones first. */
  rankOf(order: number): number {
    const fresh = smallest(this.#fresh, order);
    if (this.#isFreshNext(order, fresh)) return fresh;
    const left = Math.min(smallest(this.#rest, order), smallest(this.#lent, order));
    if (left < NONE) return NONE + left;
    return this.#largestFallback(order) < 0 ? 3 * NONE : 2 * NONE;
  }

  /** Serves a request of `order`, if there is a chunk for it. */
  take(order: number): void {
    const fresh = smallest(this.#fresh, order);
    if (this.#isFreshNext(order, fresh)) {
      this.#lend(order, fresh);
      this.#cutFresh(fresh, order);
    } else if (smallest(this.#rest, order) < NONE) {
      cut(this.#rest, smallest(this.#rest, order), order);
    } else if (smallest(this.#lent, order) < NONE) {
      cut(this.#lent, smallest(this.#lent, order), order);
    } else {
      const foreign = this.#largestFallback(order);
      if (foreign < 0) return;
      this.#fallsBack = true;
      this.#fallback[foreign]--;
      this.#fresh[foreign]++;
      this.#cutFresh(foreign, order);
    }
    this.left -= 1 << order;
  }

  /** Whether others can have spoilt whatever would serve before the fresh chunk of order `fresh`. */
  #isFreshNext(order: number, fresh: number): boolean {
    return fresh < NONE && this.#pagesToSpoil(order, fresh) <= this.#others.pages;
  }

  /** One page out of each 2^order pages is enough. */
  #pagesToSpoil(order: number, fresh: number): number {
    let pages = 0;
    for (let current = order; current < fresh; current++)
      pages += this.#rest[current] * (1 << (current - order));
    return pages;
  }

  #lend(order: number, fresh: number): void {
    for (let current = order; current < fresh; current++) {
      const chunks = this.#rest[current];
      const spoilt = chunks * (1 << (current - order));
      this.#others.pages -= spoilt;
      this.#lent[current] += chunks;
      this.#rest[current] = 0;
      for (let below = 0; below < order; below++) this.#rest[below] += spoilt;
    }
  }

  /** Serves a request from a chunk of order `fresh` in blocks of its own. */
  #cutFresh(fresh: number, order: number): void {
    let current = fresh;
    this.#fresh[current]--;
    // Half of a chunk of several blocks is in blocks that no request has touched.
    for (; current > order && current > this.#blockOrder; current--) this.#fresh[current - 1]++;
    if (order >= this.#blockOrder) return;
    if (current === this.#blockOrder) this.#opened++;
    else this.#touched++;
    this.#others.pages++;
    this.#rest[current]++;
    cut(this.#rest, current, order);
  }

  /** The largest, so that what is broken up is broken up once: __rmqueue_fallback(), mm/page_alloc.c. */
  #largestFallback(order: number): number {
    for (let current = MAX_PAGE_ORDER; current >= order; current--) {
      if (this.#fallback[current] > 0) return current;
    }
    return -1;
  }
}

/** Takes a chunk of `from` and gives back what a request of `order` leaves of it: expand(), mm/page_alloc.c. */
function cut(counts: Counts, from: number, order: number): void {
  counts[from]--;
  for (let current = from; current > order; current--) counts[current - 1]++;
}

function countsOf(states: readonly ZoneState[], types: readonly Migratetype[]): Counts {
  return Array.from({ length: MAX_PAGE_ORDER + 1 }, (_, order) =>
    states.reduce((sum, { free }) => sum + types.reduce((count, type) => count + free[type][order], 0), 0),
  );
}

const wholeBlocks = (free: readonly number[], blockOrder: number): number =>
  free.slice(blockOrder).reduce((sum, count, above) => sum + count * (1 << above), 0);
