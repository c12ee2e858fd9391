import type { PageRun } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Pageblock } from './pageblock.ts';
import { randomFrom } from './random.ts';

const START = 128;
const PAGES = 64;

it('places chunks in RAM, aligned, over no other and beside no free buddy, as many as there is room for', () => {
  const ranges = fc.array(fc.tuple(fc.integer({ min: 100, max: 200 }), fc.integer({ min: 1, max: 100 })), {
    minLength: 1,
    maxLength: 2,
  });
  const steps = fc.array(fc.tuple(fc.nat(5), fc.nat(6)), { maxLength: 8 });
  fc.assert(
    fc.property(ranges, steps, fc.nat(1000), (ram: PageRun[], wishes, seed) => {
      const block = new Pageblock(START, PAGES, ram);
      const random = randomFrom(seed);
      const isFree = new Set(
        ram
          .flatMap(([first, count]) => Array.from({ length: count }, (_, page) => first + page))
          .filter((page) => page >= START && page < START + PAGES),
      );
      const placed = new Map<number, number>();
      const pagesOf = (at: number, order: number) =>
        Array.from({ length: 2 ** order }, (_, page) => at + page);
      const isOpen = (at: number, order: number) =>
        pagesOf(at, order).every((page) => isFree.has(page)) && placed.get(at ^ (2 ** order)) !== order;
      for (const [order, wanted] of wishes) {
        const found = block.place(order, wanted, random);
        expect(found).toEqual(found.toSorted((a, b) => a - b));
        for (const at of found) {
          if (at % 2 ** order !== 0 || !isOpen(at, order))
            expect.fail(`no room of order ${order} at page ${at}`);
          placed.set(at, order);
          for (const page of pagesOf(at, order)) isFree.delete(page);
        }
        if (found.length === wanted) continue;
        expect(found.length).toBeLessThan(wanted);
        const starts = Array.from({ length: PAGES / 2 ** order }, (_, at) => START + at * 2 ** order);
        expect(starts.filter((at) => isOpen(at, order))).toEqual([]);
      }
    }),
    { numRuns: 60 },
  );
});

it('takes any of the places, depending on the seed', () => {
  const places = Array.from(
    { length: 300 },
    (_, seed) => new Pageblock(START, PAGES, [[0, 1000]]).place(3, 1, randomFrom(seed))[0],
  );
  expect([...new Set(places)].sort((a, b) => a - b)).toEqual([128, 136, 144, 152, 160, 168, 176, 184]);
});
