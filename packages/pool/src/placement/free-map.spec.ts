/** The free pages of a pool compared with one boolean a page. */
import { pfn } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FreeMap } from './free-map.ts';
import { MaxTree } from './max-tree.ts';

const BLOCKS = 4;
const mapOf = (block: number) =>
  new FreeMap(
    checkGeometry({ pageShift: 12, pagesPerBlock: block, blocksPerRegion: 512, spanPages: BLOCKS * block }),
  );

/** Maximal free runs of a block. */
function runsIn(free: readonly boolean[], block: number, pages: number): [start: number, pages: number][] {
  const runs: [number, number][] = [];
  for (let at = block * pages; at < (block + 1) * pages; at++) {
    const last = runs.at(-1);
    if (!free[at]) continue;
    if (last !== undefined && last[0] + last[1] === at) last[1]++;
    else runs.push([at, 1]);
  }
  return runs;
}

/** Largest order of which a naturally aligned chunk lies in a run. */
function orderIn([start, pages]: readonly [number, number]): number {
  for (let order = Math.floor(Math.log2(pages)); ; order--)
    if (Math.ceil(start / 2 ** order) * 2 ** order + 2 ** order <= start + pages) return order;
}

const steps = fc.array(
  fc.record({
    page: fc.nat(),
    count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 256 })),
    pages: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 256 })),
    order: fc.nat(8),
    isChunk: fc.boolean(),
    first: fc.nat(BLOCKS),
    end: fc.nat(BLOCKS + 2),
  }),
  { minLength: 1, maxLength: 60, size: 'max' },
);

it('a map knows all runs, and finds places, as looking at every page would; listeners are told of each change', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(64, 256), (all, size) => {
      const map = mapOf(size);
      const free = new Array<boolean>(BLOCKS * size).fill(false);
      const runs = new Set<string>();
      const told: string[] = [];
      map.listen({
        taken: (start, pages) => told.push(`taken ${start}+${pages}`),
        put: (start, pages) => told.push(`put ${start}+${pages}`),
        runAdded(start, pages) {
          expect(runs.has(`${start}+${pages}`)).toBe(false);
          runs.add(`${start}+${pages}`);
        },
        runRemoved: (start, pages) => expect(runs.delete(`${start}+${pages}`)).toBe(true),
        blockChanged: (block, largest) => told.push(`block ${block} had ${largest}`),
      });
      const largest = (block: number) => Math.max(0, ...runsIn(free, block, size).map(([, pages]) => pages));
      for (const { page, count, pages, order, isChunk, first, end } of all) {
        const start = page % free.length;
        const block = Math.floor(start / size);
        // As many as are alike, at most: all of them are free, or none is.
        let stop = start;
        while (stop < Math.min(start + count, (block + 1) * size) && free[stop] === free[start]) stop++;
        const wasFree = free[start];
        const before = largest(block);
        free.fill(!wasFree, start, stop);
        if (wasFree) map.take(pfn(start), stop - start);
        else map.put(pfn(start), stop - start);
        expect(told.splice(0)).toEqual([
          `${wasFree ? 'taken' : 'put'} ${start}+${stop - start}`,
          `block ${block} had ${before}`,
        ]);

        const blocks = Array.from({ length: BLOCKS }, (_, each) => runsIn(free, each, size));
        expect([...runs].sort()).toEqual(
          blocks
            .flat()
            .map(([at, of]) => `${at}+${of}`)
            .sort(),
        );
        expect([...map.largest]).toEqual(blocks.map((_, each) => largest(each)));
        expect([...map.largestOrder]).toEqual(blocks.map((of) => Math.max(-1, ...of.map(orderIn))));
        const found: number[][] = [];
        map.forEachRun(map.blockOf(start), (at, of) => found.push([at, of]));
        expect(found).toEqual(blocks[block]);
        const freeIn = (of: readonly [number, number][][]) =>
          of.flat().reduce((sum, [, pagesOf]) => sum + pagesOf, 0);
        expect(map.freePages).toBe(freeIn(blocks));
        expect(map.freePagesIn(first, end)).toBe(freeIn(blocks.slice(first, end)));

        const align = 2 ** Math.min(order, Math.log2(size));
        const wanted = isChunk ? align : Math.min(pages, size);
        const placesIn = (each: number, from: number, runPages?: number) =>
          (blocks[each] ?? []).flatMap(([at, of]) => {
            const [begin, left] = at >= from ? [at, of] : [from, at + of - from];
            const place = Math.ceil(begin / align) * align;
            const fits = place + wanted <= begin + left;
            return fits && (runPages === undefined || left === runPages) ? [place] : [];
          });
        expect(map.findInBlock(block, wanted, align)).toBe(placesIn(block, 0)[0] ?? -1);
        expect(map.findFrom(start, wanted, align)).toBe(placesIn(block, start)[0] ?? -1);
        const ofLength = blocks[block].at(0)?.[1] ?? 1;
        expect(map.findFrom(block * size, wanted, align, ofLength)).toBe(
          placesIn(block, 0, ofLength)[0] ?? -1,
        );
        const inRange = [0, 1, 2, 3].filter((each) => each >= first && each < end);
        expect(map.findLowest(wanted, align, first, end)).toBe(
          inRange.flatMap((each) => placesIn(each, 0))[0] ?? -1,
        );
        // Some blocks only, by what they hold at most.
        const most = new MaxTree(BLOCKS);
        for (let each = 0; each < BLOCKS; each += 2) most.set(each, size);
        expect(map.findLowest(wanted, align, first, end, most)).toBe(
          inRange.filter((each) => each % 2 === 0).flatMap((each) => placesIn(each, 0))[0] ?? -1,
        );
      }
    }),
    { numRuns: randomRuns(120) },
  );
});

it('the largest aligned chunk of a block stays the same if there are two, the second behind a larger run that is not aligned', () => {
  const map = mapOf(256);
  map.put(pfn(0), 16);
  map.put(pfn(33), 30);
  map.put(pfn(80), 16);
  expect([map.largest[0], map.largestOrder[0]]).toEqual([30, 4]);
  map.take(pfn(0), 1);
  expect([map.largest[0], map.largestOrder[0]]).toEqual([30, 4]);
  // The longest run holds no chunk of 16.
  map.take(pfn(40), 1);
  expect([map.largest[0], map.largestOrder[0]]).toEqual([22, 4]);
  for (const [start, pages] of [
    [1, 15],
    [33, 7],
    [41, 22],
    [80, 16],
  ]) {
    map.take(pfn(start), pages);
  }
  expect([map.largest[0], map.largestOrder[0]]).toEqual([0, -1]);
});

it('a range is cut at the ends of blocks, and pages know their block', () => {
  const map = mapOf(64);
  const parts: number[][] = [];
  map.forEachBlock(pfn(60), 80, (...part) => parts.push(part));
  expect(parts).toEqual([
    [60, 4, 0],
    [64, 64, 1],
    [128, 12, 2],
  ]);
  expect([0, 63, 64, 255].map((page) => map.blockOf(page))).toEqual([0, 0, 1, 3]);
  expect([map.pagesInBlock(60, 62), map.pagesInBlock(60, 64), map.pagesInBlock(60, 200)]).toEqual([2, 4, 4]);
  expect(map.pagesInBlock(64, 200)).toBe(64);
});
