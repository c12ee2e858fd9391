import { pfn } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestFit } from './best-fit.ts';
import { firstFit } from './first-fit.ts';
import { FreeMap } from './free-map.ts';
import { fullestFirst } from './fullest-first.ts';
import { llfree } from './llfree.ts';
import { longestFreeRange } from './longest-free-range.ts';
import { nextFit } from './next-fit.ts';
import type { PlacementFactory } from './placement.ts';
import { worstFit } from './worst-fit.ts';

const BLOCK = 64;
const BLOCKS = 6;
const GEOMETRY = checkGeometry({
  pageShift: 12,
  pagesPerBlock: BLOCK,
  blocksPerRegion: 512,
  spanPages: BLOCKS * BLOCK,
});
const EVERYWHERE = { firstBlock: 0, endBlock: BLOCKS };

/** The free pages as plainly as can be: one boolean a page, every answer found by looking at all of them. */
class Pages {
  readonly free = new Array<boolean>(BLOCKS * BLOCK).fill(false);
  readonly extents = new Array<number>(BLOCKS).fill(0);

  /** Maximal free runs, none over the end of a block. */
  runs(): { start: number; pages: number; block: number }[] {
    const runs: { start: number; pages: number; block: number }[] = [];
    for (let page = 0; page < this.free.length; page++) {
      if (!this.free[page]) continue;
      const last = runs.at(-1);
      if (page % BLOCK !== 0 && this.free[page - 1] && last !== undefined) last.pages++;
      else runs.push({ start: page, pages: 1, block: Math.floor(page / BLOCK) });
    }
    return runs;
  }

  freeIn(block: number): number {
    return this.free.slice(block * BLOCK, (block + 1) * BLOCK).filter(Boolean).length;
  }

  largest(block: number): number {
    return Math.max(
      0,
      ...this.runs()
        .filter((run) => run.block === block)
        .map((run) => run.pages),
    );
  }

  largestOrder(block: number): number {
    for (let order = Math.log2(BLOCK); order >= 0; order--) {
      for (let at = block * BLOCK; at < (block + 1) * BLOCK; at += 2 ** order) {
        if (this.free.slice(at, at + 2 ** order).every(Boolean)) return order;
      }
    }
    return -1;
  }

  /** Every place that holds the request, from low to high, with the run it lies in. */
  places(pages: number, align: number): { at: number; run: number; block: number }[] {
    return this.runs().flatMap(({ start, pages: run, block }) => {
      const at = Math.ceil(start / align) * align;
      return at + pages <= start + run ? [{ at, run, block }] : [];
    });
  }
}

type Oracle = (pages: Pages, wanted: number, align: number) => number;

/** The first of the places that have the smallest `key`, compared field by field. */
function smallest<Place>(
  places: readonly Place[],
  key: (place: Place) => readonly number[],
): Place | undefined {
  return [...places].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    const differs = left.findIndex((value, index) => value !== right[index]);
    return differs < 0 ? 0 : left[differs] - right[differs];
  })[0];
}

const ORACLES: readonly (readonly [name: string, factory: PlacementFactory, oracle: Oracle])[] = [
  [
    'first-fit',
    firstFit,
    (pages, wanted, align) => smallest(pages.places(wanted, align), ({ at }) => [at])?.at ?? -1,
  ],
  [
    'best-fit',
    bestFit,
    (pages, wanted, align) => smallest(pages.places(wanted, align), ({ run, at }) => [run, at])?.at ?? -1,
  ],
  [
    'longest-free-range',
    longestFreeRange,
    (pages, wanted, align) =>
      smallest(pages.places(wanted, align), ({ block, at }) => [
        pages.largest(block),
        -pages.extents[block],
        at,
      ])?.at ?? -1,
  ],
  [
    'worst-fit',
    worstFit,
    (pages, wanted, align) => smallest(pages.places(wanted, align), ({ run, at }) => [-run, at])?.at ?? -1,
  ],
  [
    'fullest-first',
    fullestFirst,
    (pages, wanted, align) =>
      smallest(pages.places(wanted, align), ({ block, at }) => [pages.freeIn(block), at])?.at ?? -1,
  ],
];

const request = fc.oneof(
  fc.integer({ min: 0, max: 6 }).map((order) => ({ pages: 2 ** order, align: 2 ** order })),
  fc.integer({ min: 1, max: BLOCK }).map((pages) => ({ pages, align: 2 ** Math.ceil(Math.log2(pages)) })),
  fc.integer({ min: 1, max: BLOCK }).map((pages) => ({ pages, align: 1 })),
);
const action = fc.oneof(
  { weight: 3, arbitrary: request.map((wanted) => ({ kind: 'place' as const, ...wanted })) },
  { weight: 2, arbitrary: fc.nat().map((pick) => ({ kind: 'free' as const, pick })) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('claim' as const), block: fc.nat(BLOCKS - 1), part: fc.nat(3) }),
  },
);

describe.each(ORACLES)('%s', (name, factory, oracle) => {
  it('chooses what looking at every page would choose, on any history', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 150, size: 'max' }), (actions) => {
        const map = new FreeMap(GEOMETRY);
        const placement = factory(map);
        const pages = new Pages();
        const claimed = new Set<number>();
        const live: { start: number; pages: number }[] = [];
        const set = (start: number, count: number, free: boolean) => {
          pages.free.fill(free, start, start + count);
          if (free) map.put(pfn(start), count);
          else map.take(pfn(start), count);
        };
        for (const next of actions) {
          if (next.kind === 'claim') {
            // A quarter of a block, or all of it: supplies may bring less than a block.
            const start = next.block * BLOCK + (next.part * BLOCK) / 4;
            for (const from of next.part === 0 ? [0, 16, 32, 48].map((at) => start + at) : [start]) {
              if (claimed.has(from)) continue;
              claimed.add(from);
              set(from, BLOCK / 4, true);
            }
          } else if (next.kind === 'place') {
            const expected = oracle(pages, next.pages, next.align);
            expect(placement.place(next.pages, next.align, EVERYWHERE)).toBe(expected);
            if (expected < 0) continue;
            const block = Math.floor(expected / BLOCK);
            pages.extents[block]++;
            map.extents[block]++;
            set(expected, next.pages, false);
            live.push({ start: expected, pages: next.pages });
          } else if (live.length > 0) {
            const [{ start, pages: count }] = live.splice(next.pick % live.length, 1);
            const block = Math.floor(start / BLOCK);
            pages.extents[block]--;
            map.extents[block]--;
            set(start, count, true);
          }
          expect([...map.largest]).toEqual(
            Array.from({ length: BLOCKS }, (_, block) => pages.largest(block)),
          );
          expect([...map.largestOrder]).toEqual(
            Array.from({ length: BLOCKS }, (_, block) => pages.largestOrder(block)),
          );
          expect(map.freePages).toBe(pages.free.filter(Boolean).length);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is named so, and finds nothing where nothing is free', () => {
    const placement = factory(new FreeMap(GEOMETRY));
    expect(placement.name).toBe(name);
    expect(placement.place(1, 1, EVERYWHERE)).toBe(-1);
    expect(placement.place(BLOCK, BLOCK, EVERYWHERE)).toBe(-1);
  });
});

describe('the placements differ', () => {
  /** Block 0: a run of 20 then one of 8. Block 1: one of 30. Block 2: one of 12, with three extents. */
  const scene = (factory: PlacementFactory) => {
    const map = new FreeMap(GEOMETRY);
    const placement = factory(map);
    for (const [start, pages] of [
      [0, 20],
      [32, 8],
      [64, 30],
      [128, 12],
    ]) {
      map.put(pfn(start), pages);
    }
    map.extents.set([1, 1, 3]);
    return placement;
  };

  it('first-fit takes the lowest address, best-fit the tightest run, longest-free-range the least useful block', () => {
    expect(scene(firstFit).place(8, 1, EVERYWHERE)).toBe(0);
    expect(scene(bestFit).place(8, 1, EVERYWHERE)).toBe(32);
    expect(scene(longestFreeRange).place(8, 1, EVERYWHERE)).toBe(128);
  });

  it.each([firstFit, bestFit, longestFreeRange])(
    '%o keeps to the blocks that a request may use',
    (factory) => {
      expect(scene(factory).place(8, 1, { firstBlock: 1, endBlock: 2 })).toBe(64);
      expect(scene(factory).place(16, 16, { firstBlock: 1, endBlock: 2 })).toBe(64);
      expect(scene(factory).place(8, 1, { firstBlock: 3, endBlock: BLOCKS })).toBe(-1);
    },
  );

  it('longest-free-range prefers more allocations, not more pages, between blocks of equal range', () => {
    const map = new FreeMap(GEOMETRY);
    const placement = longestFreeRange(map);
    map.put(pfn(0), 8);
    map.put(pfn(64), 8);
    map.put(pfn(80), 8);
    map.extents.set([2, 5]);
    expect(placement.place(4, 4, EVERYWHERE)).toBe(64);
    map.extents.set([5, 2]);
    expect(placement.place(4, 4, EVERYWHERE)).toBe(0);
  });
});

describe('a free map', () => {
  it('tells its listeners of every run that comes and goes', () => {
    const runs = new Set<string>();
    const map = new FreeMap(GEOMETRY);
    map.listen({
      runAdded: (start, pages) => runs.add(`${start}+${pages}`),
      runRemoved: (start, pages) => expect(runs.delete(`${start}+${pages}`)).toBe(true),
    });
    map.put(pfn(0), 8);
    map.put(pfn(16), 8);
    expect([...runs]).toEqual(['0+8', '16+8']);
    map.put(pfn(8), 8);
    expect([...runs]).toEqual(['0+24']);
    map.take(pfn(4), 2);
    expect([...runs]).toEqual(['0+4', '6+18']);
    map.put(pfn(4), 2);
    expect([...runs]).toEqual(['0+24']);
    map.put(pfn(56), 8);
    map.put(pfn(64), 8);
    expect([...runs]).toEqual(['0+24', '56+8', '64+8']);
  });

  it('knows the largest aligned chunk also where it is not in the largest run', () => {
    const map = new FreeMap(GEOMETRY);
    map.put(pfn(1), 20);
    map.put(pfn(32), 16);
    expect([map.largest[0], map.largestOrder[0]]).toEqual([20, 4]);
    map.take(pfn(32), 1);
    expect([map.largest[0], map.largestOrder[0]]).toEqual([20, 3]);
  });

  it('cuts a range at the ends of blocks', () => {
    const parts: number[][] = [];
    new FreeMap(GEOMETRY).forEachBlock(pfn(60), 80, (start, pages, block) =>
      parts.push([start, pages, block]),
    );
    expect(parts).toEqual([
      [60, 4, 0],
      [64, 64, 1],
      [128, 12, 2],
    ]);
  });
});

describe('a placement that leaves no free page unused', () => {
  /** Takes and gives back; sizes need not be powers of two, nor aligned. */
  const steps = fc.array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ pages: fc.integer({ min: 1, max: 20 }), align: fc.constantFrom(1, 4, 16) }),
      },
      { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
    ),
    { minLength: 40, maxLength: 200 },
  );

  it.each([firstFit, nextFit, bestFit, worstFit, fullestFirst, longestFreeRange, llfree('2')])(
    '%# finds a place whenever there is one, and no other',
    (factory) => {
      fc.assert(
        fc.property(steps, fc.constantFrom(1, 2, BLOCKS), (all, blocks) => {
          const map = new FreeMap(
            checkGeometry({ ...GEOMETRY, blocksPerRegion: 512, spanPages: blocks * BLOCK }),
          );
          const placement = factory(map);
          const pages = new Pages();
          const live: { start: number; pages: number }[] = [];
          for (let block = 0; block < blocks; block++) {
            map.put(pfn(block * BLOCK), BLOCK);
            pages.free.fill(true, block * BLOCK, (block + 1) * BLOCK);
          }
          for (const step of all) {
            if ('free' in step) {
              const [gone] = live.splice(step.free % Math.max(1, live.length), 1);
              if (gone === undefined) continue;
              map.put(pfn(gone.start), gone.pages);
              pages.free.fill(true, gone.start, gone.start + gone.pages);
              continue;
            }
            const start = placement.place(step.pages, step.align, EVERYWHERE);
            const places = pages.places(step.pages, step.align);
            if (start === -1) {
              expect(places).toEqual([]);
              continue;
            }
            expect(start % step.align).toBe(0);
            expect(pages.free.slice(start, start + step.pages).every(Boolean)).toBe(true);
            expect(Math.floor((start + step.pages - 1) / BLOCK)).toBe(Math.floor(start / BLOCK));
            map.take(start, step.pages);
            pages.free.fill(false, start, start + step.pages);
            live.push({ start, pages: step.pages });
          }
        }),
        { numRuns: randomRuns(200) },
      );
    },
  );
});
