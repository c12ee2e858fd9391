/** Each placement compared with its rule, stated by looking at every page: in any range, on any history of a pool. */
import { type AllocateRequest, allocationId, nanoseconds, pfn } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BlockRange } from '../policy.ts';
import { bestFit } from './best-fit.ts';
import { bump } from './bump.ts';
import { firstFit } from './first-fit.ts';
import { FreeMap } from './free-map.ts';
import { fullestFirst } from './fullest-first.ts';
import { genpoolFirstFitOrderAlign } from './genpool-first-fit-order-align.ts';
import { lifetime } from './lifetime.ts';
import { longestFreeRange } from './longest-free-range.ts';
import { nextFit } from './next-fit.ts';
import type { PlacementFactory } from './placement.ts';
import { sizeClass } from './size-class.ts';
import { worstFit } from './worst-fit.ts';

const BLOCK = 64;
const BLOCKS = 6;
const PAGES = BLOCK * BLOCKS;
const GEOMETRY = checkGeometry({
  pageShift: 12,
  pagesPerBlock: BLOCK,
  blocksPerRegion: 512,
  spanPages: PAGES,
});
const BLOCK_NUMBERS = Array.from({ length: BLOCKS }, (_, block) => block);
const blockOf = (page: number) => Math.floor(page / BLOCK);
const orderOf = (pages: number) => Math.ceil(Math.log2(pages));

/** What is free, and how many extents lie in each block. */
class PlainPool {
  readonly free = new Array<boolean>(PAGES).fill(false);
  readonly extents = new Array<number>(BLOCKS).fill(0);

  freeIn(block: number, among: readonly boolean[] = this.free): number {
    return among.slice(block * BLOCK, (block + 1) * BLOCK).filter(Boolean).length;
  }

  isInRange({ firstBlock, endBlock }: BlockRange, block: number): boolean {
    return block >= firstBlock && block < endBlock;
  }

  /** All pages at which the request could begin, from low to high. */
  places(pages: number, align: number, range: BlockRange, among: readonly boolean[] = this.free): number[] {
    const places: number[] = [];
    for (let at = 0; at + pages <= PAGES; at += align) {
      const isInBlock = blockOf(at + pages - 1) === blockOf(at);
      if (!isInBlock || !this.isInRange(range, blockOf(at))) continue;
      if (among.slice(at, at + pages).every(Boolean)) places.push(at);
    }
    return places;
  }

  /** Length of the free run that a page lies in, inside of its block. */
  runAt(page: number): number {
    let [first, end] = [page, page];
    while (first % BLOCK !== 0 && this.free[first - 1]) first--;
    while (end < PAGES && blockOf(end) === blockOf(page) && this.free[end]) end++;
    return end - first;
  }

  /** Length of the longest free run of a block. */
  largest(block: number): number {
    let [most, run] = [0, 0];
    for (let page = block * BLOCK; page < (block + 1) * BLOCK; page++) {
      run = this.free[page] ? run + 1 : 0;
      most = Math.max(most, run);
    }
    return most;
  }
}

/** The rule of a placement; it is told of all changes, after the pool has changed. */
interface Rule {
  place(pages: number, align: number, range: BlockRange, asker: AllocateRequest | undefined): number;
  usable?(range: BlockRange, asker: AllocateRequest): number;
  claimed?(start: number, pages: number): void;
  given?(start: number, pages: number, asker: AllocateRequest): void;
  freed?(start: number, pages: number, asker: AllocateRequest, now: number): void;
  /** A block has left the pool. */
  left?(block: number): void;
}

/** The lowest of the places whose `key` is smallest, compared field by field. */
function least(places: readonly number[], key: (at: number) => readonly number[] = () => []): number {
  const sorted = places
    .map((at) => ({ at, keys: [...key(at), at] }))
    .toSorted((a, b) => {
      const differs = a.keys.findIndex((value, index) => value !== b.keys[index]);
      return differs === -1 ? 0 : a.keys[differs] - b.keys[differs];
    });
  return sorted.at(0)?.at ?? -1;
}

const byKey =
  (key: (pool: PlainPool, at: number) => readonly number[]) =>
  (pool: PlainPool): Rule => ({
    place: (pages, align, range) => least(pool.places(pages, align, range), (at) => key(pool, at)),
  });

const plainNextFit = (pool: PlainPool): Rule => {
  let rover = 0;
  return {
    place(pages, align, range) {
      const places = pool.places(pages, align, range);
      const found = places.find((at) => at >= rover) ?? places[0] ?? -1;
      if (found !== -1) rover = found + pages;
      return found;
    },
  };
};

/** Pages that nobody has had, nor any above them, since their block was empty. */
const plainBump = (pool: PlainPool): Rule => {
  const fresh = new Array<boolean>(PAGES).fill(false);
  const set = (start: number, end: number, to: (page: number) => boolean) => {
    for (let page = start; page < end; page++) fresh[page] = to(page);
  };
  const beginAnew = (block: number) => set(block * BLOCK, (block + 1) * BLOCK, (page) => pool.free[page]);
  return {
    place: (pages, align, range) => least(pool.places(pages, align, range, fresh)),
    usable: (range) =>
      BLOCK_NUMBERS.filter((block) => pool.isInRange(range, block)).reduce(
        (sum, block) => sum + pool.freeIn(block, fresh),
        0,
      ),
    claimed(start, pages) {
      if (pool.extents[blockOf(start)] === 0) beginAnew(blockOf(start));
      else set(start, start + pages, () => true);
    },
    given: (start, pages) => set(blockOf(start) * BLOCK, start + pages, () => false),
    freed(start) {
      if (pool.extents[blockOf(start)] === 0) beginAnew(blockOf(start));
    },
    left: (block) => beginAnew(block),
  };
};

/** The blocks by when they came, the last first. One that is all the reserve's has left, and comes again with its first free page. */
const plainGenpool = (pool: PlainPool): Rule => {
  const blocks: number[] = [];
  const change = (block: number) => {
    const isIn = pool.extents[block] > 0 || pool.freeIn(block) > 0;
    if (isIn === blocks.includes(block)) return;
    if (isIn) blocks.unshift(block);
    else blocks.splice(blocks.indexOf(block), 1);
  };
  return {
    place(pages, align, range) {
      const alignment = Math.max(align, 2 ** orderOf(pages));
      const places = pool.places(pages, alignment, range);
      return least(places, (at) => [blocks.indexOf(blockOf(at))]);
    },
    claimed: (start) => change(blockOf(start)),
    given: (start) => change(blockOf(start)),
    freed: (start) => change(blockOf(start)),
    left: change,
  };
};

/** A block is for one class, that of what was first in it, until it is empty. */
const segregatedBy = (
  pool: PlainPool,
  classOf: (pages: number, asker: AllocateRequest | undefined) => number,
): Rule => {
  const classes = new Map<number, number>();
  return {
    place(pages, align, range, asker) {
      const own = classOf(pages, asker);
      const places = pool.places(pages, align, range);
      const suits = (wanted: number | undefined) =>
        places.filter((at) => classes.get(blockOf(at)) === wanted);
      return least([...suits(own), ...suits(undefined)], (at) => [classes.has(blockOf(at)) ? 0 : 1]);
    },
    usable: (range, asker) =>
      BLOCK_NUMBERS.filter((block) => {
        const of = classes.get(block);
        return pool.isInRange(range, block) && (of === undefined || of === classOf(asker.pages, asker));
      }).reduce((sum, block) => sum + pool.freeIn(block), 0),
    given(start, pages, asker) {
      const block = blockOf(start);
      if (!classes.has(block)) classes.set(block, classOf(pages, asker));
    },
    freed(start) {
      if (pool.extents[blockOf(start)] === 0) classes.delete(blockOf(start));
    },
  };
};

/** By the mean of the logarithms of the lifetimes, in which each new one counts an eighth: a class for each factor of ten from 1 ms on. */
const plainLifetime = (pool: PlainPool): Rule => {
  const means = new Map<string, number>();
  const classOf = (_: number, asker: AllocateRequest | undefined) => {
    const mean = asker === undefined ? undefined : means.get(asker.owner);
    // Owners that freed nothing are with those whose pages live longest.
    if (mean === undefined) return 7;
    return [1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12].filter((end) => mean >= Math.log(end)).length;
  };
  const rule = segregatedBy(pool, classOf);
  return {
    ...rule,
    freed(start, pages, asker, now) {
      const { owner, time } = asker;
      const lived = Math.log(Math.max(1, now - time));
      const mean = means.get(owner) ?? lived;
      means.set(owner, mean + (lived - mean) / 8);
      rule.freed?.(start, pages, asker, now);
    },
  };
};

const RULES: readonly (readonly [string, PlacementFactory, (pool: PlainPool) => Rule])[] = [
  ['first-fit: the lowest place', firstFit, byKey(() => [])],
  ['best-fit: the shortest run', bestFit, byKey((pool, at) => [pool.runAt(at)])],
  ['worst-fit: the longest run', worstFit, byKey((pool, at) => [-pool.runAt(at)])],
  ['fullest-first: the fewest free pages', fullestFirst, byKey((pool, at) => [pool.freeIn(blockOf(at))])],
  [
    'longest-free-range: the shortest longest run, then the most extents',
    longestFreeRange,
    byKey((pool, at) => [pool.largest(blockOf(at)), -pool.extents[blockOf(at)]]),
  ],
  ['next-fit: behind the last, then from the start', nextFit, plainNextFit],
  ['bump: never a page again until its block is empty', bump, plainBump],
  ['genpool-first-fit-order-align: the block that came last', genpoolFirstFitOrderAlign, plainGenpool],
  [
    'size-class: a block for one order',
    sizeClass,
    // For a vmalloc area it is the order of all of it, whatever piece is placed.
    (pool) => segregatedBy(pool, (pages, asker) => orderOf(Math.min(BLOCK, asker?.pages ?? pages))),
  ],
  ['lifetime: a block for what lives about as long', lifetime, plainLifetime],
];

const sizes = fc.oneof(
  fc.integer({ min: 0, max: 6 }).map((order) => ({ pages: 2 ** order, align: 2 ** order })),
  fc.integer({ min: 1, max: BLOCK }).map((pages) => ({ pages, align: 2 ** orderOf(pages) })),
  fc.integer({ min: 1, max: BLOCK }).map((pages) => ({ pages, align: 1 })),
  fc.integer({ min: 1, max: 9 }).map((pages) => ({ pages, align: 16 })),
);
const actions = fc.array(
  fc.record({
    do: fc.constantFrom('claim', 'claim', 'place', 'place', 'place', 'free', 'free', 'leave'),
    block: fc.nat(BLOCKS - 1),
    /** Quarter of the block; 4: all of it. Supplies may bring less than a block. */
    quarter: fc.integer({ min: 0, max: 9 }).map((part) => Math.min(part, 4)),
    size: sizes,
    range: fc.oneof(
      fc.constant({ firstBlock: 0, endBlock: BLOCKS }),
      fc.record({ firstBlock: fc.nat(BLOCKS - 1), endBlock: fc.integer({ min: 1, max: BLOCKS + 2 }) }),
    ),
    owner: fc.constantFrom('a', 'b', 'c', undefined),
    /** Pages of the area that the piece is of. */
    area: fc.constantFrom(0, 0, 3, 200),
    later: fc.oneof(
      fc.constant(0),
      fc.nat(12).map((digits) => 10 ** digits),
      fc.nat(12).map((digits) => 10 ** digits - 1),
    ),
    pick: fc.nat(),
    /** Whether a request that finds no place takes the lowest that the placement leaves unused. */
    takesUnused: fc.boolean(),
  }),
  { minLength: 1, maxLength: 80, size: 'max' },
);

it.each(RULES)('%s', (_, factory, ruleOf) => {
  fc.assert(
    fc.property(actions, (all) => {
      const map = new FreeMap(GEOMETRY);
      const placement = factory(map);
      const pool = new PlainPool();
      const rule = ruleOf(pool);
      const claimed = new Array<boolean>(PAGES).fill(false);
      const live: { start: number; pages: number; asker: AllocateRequest }[] = [];
      let now = 0;
      let allocations = 0;
      for (const { do: what, block, quarter, size, range, owner, area, later, pick, takesUnused } of all) {
        now += later;
        if (what === 'claim') {
          const [start, pages] = quarter === 4 ? [block * BLOCK, BLOCK] : [block * BLOCK + quarter * 16, 16];
          if (claimed.slice(start, start + pages).includes(true)) continue;
          claimed.fill(true, start, start + pages);
          pool.free.fill(true, start, start + pages);
          map.put(pfn(start), pages);
          placement.claimed?.(pfn(start), pages);
          rule.claimed?.(start, pages);
        } else if (what === 'place') {
          const { pages, align } = size;
          const asker: AllocateRequest | undefined =
            owner === undefined
              ? undefined
              : {
                  ...{ kind: 'allocate', time: nanoseconds(now), allocation: allocationId(++allocations) },
                  ...{ api: 'vmalloc', pages: Math.max(pages, area), bytes: 4096 * pages, owner },
                };
          if (asker !== undefined && rule.usable !== undefined)
            expect(placement.usablePages?.(range, asker)).toBe(rule.usable(range, asker));
          let start = placement.place(pages, align, range, asker) as number;
          expect(start).toBe(rule.place(pages, align, range, asker));
          if (start === -1 && takesUnused) start = pool.places(pages, align, range)[0] ?? -1;
          if (start === -1) continue;
          pool.free.fill(false, start, start + pages);
          if (asker === undefined) {
            // For the reserve: it is no extent, and comes back at once.
            map.take(pfn(start), pages);
            rule.given?.(start, pages, { owner: '', pages } as AllocateRequest);
            pool.free.fill(true, start, start + pages);
            map.put(pfn(start), pages);
            rule.freed?.(start, pages, { owner: '', pages, time: now } as AllocateRequest, now);
            continue;
          }
          pool.extents[blockOf(start)]++;
          map.extents[blockOf(start)]++;
          map.take(pfn(start), pages);
          placement.given?.(pfn(start), pages, asker);
          rule.given?.(start, pages, asker);
          live.push({ start, pages, asker });
        } else if (what === 'free' && live.length > 0) {
          const [{ start, pages, asker }] = live.splice(pick % live.length, 1);
          placement.freeing?.({ kind: 'free', allocation: asker.allocation, time: nanoseconds(now) });
          pool.free.fill(true, start, start + pages);
          pool.extents[blockOf(start)]--;
          map.extents[blockOf(start)]--;
          map.put(pfn(start), pages);
          rule.freed?.(start, pages, asker, now);
        } else if (what === 'leave' && pool.extents[block] === 0 && pool.freeIn(block) > 0) {
          map.forEachRun(map.blockOf(block * BLOCK), (start, pages) => map.take(start, pages));
          pool.free.fill(false, block * BLOCK, (block + 1) * BLOCK);
          claimed.fill(false, block * BLOCK, (block + 1) * BLOCK);
          rule.left?.(block);
        }
      }
    }),
    { numRuns: randomRuns(160) },
  );
});

it('genpool-first-fit-order-align: the block that came last, however often blocks come and go', () => {
  const turns = fc.array(fc.nat(2), { minLength: 20, maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(turns, (all) => {
      const map = new FreeMap(checkGeometry({ ...GEOMETRY, spanPages: 3 * BLOCK }));
      const placement = genpoolFirstFitOrderAlign(map);
      /** The last first. */
      const blocks: number[] = [];
      for (const block of all) {
        const at = blocks.indexOf(block);
        if (at === -1) {
          blocks.unshift(block);
          map.put(pfn(block * BLOCK), BLOCK);
        } else {
          blocks.splice(at, 1);
          map.take(pfn(block * BLOCK), BLOCK);
        }
        for (const first of [0, 1, 2]) {
          const expected = blocks.find((each) => each >= first) ?? -1;
          expect(placement.place(1, 1, { firstBlock: first, endBlock: 3 })).toBe(
            expected === -1 ? -1 : expected * BLOCK,
          );
        }
      }
    }),
    { numRuns: 60 },
  );
});

it.each([
  ['first-fit', firstFit, 5],
  ['best-fit', bestFit, 64],
  ['worst-fit', worstFit, 5],
  ['fullest-first', fullestFirst, 64],
  ['longest-free-range', longestFreeRange, 64],
] as const)('%s: a single free page is a run, too', (_, factory, chosen) => {
  const map = new FreeMap(GEOMETRY);
  const placement = factory(map);
  const place = () => placement.place(1, 1, { firstBlock: 0, endBlock: BLOCKS });
  map.put(pfn(5), 1);
  expect(place()).toBe(5);
  map.take(pfn(5), 1);
  expect(place()).toBe(-1);
  map.put(pfn(5), 1);
  map.put(pfn(6), 1);
  map.put(pfn(64), 1);
  // Two pages of block 0, and one of block 1.
  expect(place()).toBe(chosen);
});

it.each([bestFit, worstFit, fullestFirst, longestFreeRange])(
  '%o: a block whose free pages lie wrong is passed over, whatever lies in it',
  (factory) => {
    const map = new FreeMap(GEOMETRY);
    const placement = factory(map);
    for (const start of [3, 64, 128]) map.put(pfn(start), 8);
    map.extents.set([2, 1, 1]);
    expect(placement.place(8, 8, { firstBlock: 0, endBlock: BLOCKS })).toBe(64);
  },
);

it('lifetime learns nothing from what it did not give', () => {
  const map = new FreeMap(GEOMETRY);
  const placement = lifetime(map);
  expect(() =>
    placement.freeing?.({ kind: 'free', allocation: allocationId(5), time: nanoseconds(9) }),
  ).not.toThrow();
});
