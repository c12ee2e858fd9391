import { blockIndex, pfn as toPfn, x86Geometry } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Reserve } from './reserve.ts';

const [BLOCK, UNIT, SPAN] = [64, 16, 256];

it('takes the lowest place of the first zone that has one, and knows the blocks and units that it has pages in', () => {
  const steps = fc.array(
    fc.record({
      isPut: fc.boolean(),
      at: fc.nat(SPAN - 1),
      pages: fc.integer({ min: 1, max: 20 }),
      align: fc.constantFrom(1, 4, 16),
      zones: fc.constantFrom<readonly (readonly [number, number])[]>(
        [[0, 4]],
        [[1, 2]],
        [
          [2, 4],
          [0, 2],
        ],
        [],
      ),
    }),
    { maxLength: 40, size: 'max' },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const reserve = new Reserve(
        checkGeometry({ ...x86Geometry(SPAN), pagesPerBlock: BLOCK, spanPages: SPAN }),
        UNIT,
      );
      const held = new Set<number>();
      const pagesFrom = (at: number, pages: number) => Array.from({ length: pages }, (_, page) => at + page);
      for (const { isPut, at, pages, align, zones } of all) {
        if (isPut) {
          const fits = pagesFrom(at, pages).filter(
            (page) => Math.floor(page / BLOCK) === Math.floor(at / BLOCK),
          );
          if (fits.some((page) => held.has(page))) continue;
          reserve.put(toPfn(at), fits.length);
          for (const page of fits) held.add(page);
        } else {
          const lowest = zones.flatMap(([first, end]) =>
            pagesFrom(first * BLOCK, (end - first) * BLOCK).filter(
              (page) =>
                page % align === 0 &&
                (page % BLOCK) + pages <= BLOCK &&
                pagesFrom(page, pages).every((each) => held.has(each)),
            ),
          )[0];
          const ranges = zones.map(([firstBlock, endBlock]) => ({ firstBlock, endBlock }));
          expect(reserve.take(pages, align, ranges)).toBe(lowest ?? -1);
          if (lowest !== undefined) for (const page of pagesFrom(lowest, pages)) held.delete(page);
        }
        const count = (from: number, end: number) =>
          [...held].filter((page) => page >= from && page < end).length;
        const blocks = Array.from({ length: SPAN / BLOCK }, (_, block) => block);
        const units = Array.from({ length: SPAN / UNIT }, (_, unit) => unit * UNIT);
        expect({
          freePages: reserve.freePages,
          inTwoBlocks: reserve.freePagesIn(1, 3),
          blocks: blocks.filter((block) => reserve.holds(blockIndex(block))),
          units: units.filter((unit) => reserve.holdsIn(toPfn(unit))),
        }).toEqual({
          freePages: held.size,
          inTwoBlocks: count(BLOCK, 3 * BLOCK),
          blocks: blocks.filter((block) => count(block * BLOCK, (block + 1) * BLOCK) > 0),
          units: units.filter((unit) => count(unit, unit + UNIT) > 0),
        });
      }
    }),
    { numRuns: 20 },
  );
});
