/** What each part of a supply promises, whatever stands beside it: reserve x return x shrinker on random histories. */
import { type AllocationId, blockIndex, GFP, nanoseconds } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshBoot } from '../page-source/profiles.ts';
import { eventsOf, MIB, watched } from '../testing.ts';

const MS = 1e6;
const DELAY = 1000;
const BLOCK = 512;
const [LOW, HIGH] = [64, 512];

const RETURNS = ['immediate', 'hysteresis:0.005', 'demand:0.016', 'never-return'];
const SUPPLIES = RETURNS.flatMap((returned) =>
  ['', `reserve:${LOW}:${HIGH}+`].flatMap((before) =>
    ['', '+shrinker'].map((after) => `${before}${returned}${after}`),
  ),
);

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('allocate' as const), order: fc.nat({ max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('allocate atomically' as const), order: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('free' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('others' as const), order: fc.nat(10) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(20) }) },
);

class History {
  readonly run;
  readonly #live: AllocationId[] = [];
  #time = 0;
  #keys = 0;
  /** Since when each block of the pool is empty, simulated ns. */
  readonly emptySince = new Map<number, number>();

  constructor(supply: string, conversion = 'block') {
    this.run = watched(`first-fit+${conversion}+${supply}`, {
      memory: freshBoot(64 * MIB),
      workerDelay: DELAY,
    });
    for (let block = 0; block < 8; block++) this.#othersTake(9);
  }

  get time(): number {
    return this.#time;
  }

  /** Returns whether others were refused pages. */
  perform(step: typeof action extends fc.Arbitrary<infer Step> ? Step : never): boolean {
    const { pool, events } = this.run;
    this.#time += 10 * DELAY;
    const before = eventsOf(events, 'background-failed').length;
    if (step.do === 'allocate' || step.do === 'allocate atomically') {
      const gfp = step.do === 'allocate' ? {} : { gfp: GFP.GFP_ATOMIC };
      const result = pool.alloc_pages(step.order, { owner: 'x', at: this.#time, ...gfp });
      if (result.ok) this.#live.push(result.allocation);
    } else if (step.do === 'free') {
      const [allocation] = this.#live.splice(step.pick % this.#live.length, 1);
      if (allocation !== undefined) pool.free(allocation, this.#time);
    } else if (step.do === 'others') {
      this.#othersTake(step.order);
    } else this.#time += step.ms * MS;
    // A request that finds nothing to free: the worker does what is due.
    this.#time += 2 * DELAY;
    pool.request({ kind: 'background-free', key: 0, time: nanoseconds(this.#time) });
    this.#noteEmpty();
    return eventsOf(events, 'background-failed').length > before;
  }

  #othersTake(order: number): void {
    const key = ++this.#keys;
    const time = nanoseconds(this.#time);
    this.run.pool.request({ kind: 'background-allocate', key, order, migratetype: 'Movable', time });
  }

  #noteEmpty(): void {
    const { view } = this.run.pool;
    for (let block = 0; block < view.blocks; block++) {
      const index = blockIndex(block);
      const isEmpty = view.pagesOf('claimed', index) === BLOCK && view.pagesOf('allocated', index) === 0;
      if (!isEmpty) this.emptySince.delete(block);
      else if (!this.emptySince.has(block)) this.emptySince.set(block, this.#time);
    }
  }

  get idlePages(): number {
    const { counters } = this.run.pool;
    return counters.claimedPages - counters.livePages;
  }

  /** Empty blocks that the pool could do without: those beyond the reserve. */
  spareBlocks(keptPages: number): number {
    return Math.min(this.emptySince.size, Math.max(0, Math.floor((this.idlePages - keptPages) / BLOCK)));
  }
}

describe.each(SUPPLIES)('supply %s', (supply) => {
  const keptPages = supply.includes('reserve') ? HIGH : 0;
  const hasShrinker = supply.endsWith('+shrinker');

  it('keeps its promises on random histories', () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 20, maxLength: 120 }), (steps) => {
        const history = new History(supply);
        for (const step of steps) {
          const wereRefused = history.perform(step);
          const { pool, events } = history.run;
          const returned = eventsOf(events, 'pages-returned');
          if (supply.includes('immediate')) expect(history.spareBlocks(keptPages)).toBe(0);
          if (supply.includes('hysteresis') && history.spareBlocks(keptPages) > 0) {
            // One block too many may be an older one that the reserve needed until now.
            const newest = Math.max(...history.emptySince.values());
            expect(history.time - newest).toBeLessThanOrEqual(5 * MS + 20 * DELAY);
          }
          if (supply.includes('never-return') && !hasShrinker) expect(returned).toEqual([]);
          if (wereRefused && hasShrinker) expect(history.spareBlocks(keptPages)).toBe(0);
          const hasMemory =
            pool.counters.claimedPages < 16 * BLOCK && !steps.some((each) => each.do === 'others');
          if (keptPages > 0 && hasMemory) expect(history.idlePages).toBeGreaterThanOrEqual(LOW);
        }
      }),
      { numRuns: randomRuns(25), seed: 1 },
    );
  });
});

describe('a shrinker', () => {
  /** A pool with one empty block that its return keeps, and all other memory in use by others. */
  const full = (supply: string, order: number) => {
    const { pool, events } = watched(`first-fit+block+${supply}`, { memory: freshBoot(64 * MIB) });
    pool.free(pool.alloc_pages(0, { owner: 'x' }).allocation);
    let key = 0;
    while (eventsOf(events, 'background-failed').length === 0 && key < 20_000) {
      pool.request({
        kind: 'background-allocate',
        key: ++key,
        order,
        migratetype: 'Movable',
        time: nanoseconds(1),
      });
    }
    return pool.counters.claimedPages;
  };

  it.each([0, 9])('gives the empty blocks back before others are refused pages of order %d', (order) => {
    expect(full('never-return', order)).toBe(512);
    expect(full('never-return+shrinker', order)).toBe(0);
    expect(full('hysteresis:2+shrinker', order)).toBe(0);
  });

  it('leaves the reserve what it needs', () => {
    expect(full('reserve:64:512+never-return+shrinker', 0)).toBe(512);
  });
});
