import { InputError, pfn as toPfn, x86Geometry } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlaceFinder } from './place-finder.ts';
import { firstFit } from './placement/first-fit.ts';
import { FreeMap } from './placement/free-map.ts';
import type { Placement } from './placement/placement.ts';

const BLOCK = 64;
const BLOCKS = 12;
const SPAN = BLOCK * BLOCKS;
const geometry = checkGeometry({ ...x86Geometry(SPAN), pagesPerBlock: BLOCK, spanPages: SPAN });

const finderOf = (
  free: readonly (readonly [start: number, pages: number])[],
  placementOf: (map: FreeMap) => Placement,
) => {
  const map = new FreeMap(geometry);
  for (const [start, pages] of free)
    map.forEachBlock(toPfn(start), pages, (from, count) => map.put(from, count));
  return new PlaceFinder(map, placementOf(map));
};
/** Leaves all pages unused. */
const idle = (usablePages?: () => number): Placement => ({
  name: 'idle',
  place: () => -1,
  ...(usablePages === undefined ? {} : { usablePages }),
});
const zone = (firstBlock: number, endBlock: number) => ({ firstBlock, endBlock });
const ALL = zone(0, BLOCKS);

describe('a request for more than a block', () => {
  it('gets the lowest wholly free blocks that lie together in a zone, aligned', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, BLOCK - 1, BLOCK, BLOCK, BLOCK), {
          minLength: BLOCKS,
          maxLength: BLOCKS,
        }),
        fc.integer({ min: BLOCK + 1, max: 5 * BLOCK }),
        fc.constantFrom(1, 2, 4),
        fc.nat(BLOCKS - 1),
        fc.integer({ min: 1, max: BLOCKS }),
        (freeOf, pages, step, first, count) => {
          const free = freeOf.map((freePages, block) => [block * BLOCK, freePages] as const);
          const finder = finderOf(
            free.filter(([, freePages]) => freePages > 0),
            firstFit,
          );
          const end = Math.min(first + count, BLOCKS);
          const blocks = Array.from({ length: BLOCKS }, (_, block) => block);
          const lowest = blocks.find((block) => {
            const wanted = blocks.filter((each) => each >= block && each < block + pages / BLOCK);
            const isIn = block >= first && block + pages / BLOCK <= end;
            return isIn && block % step === 0 && wanted.every((each) => freeOf[each] === BLOCK);
          });
          const expected = lowest === undefined ? -1 : lowest * BLOCK;
          expect(finder.find(pages, step * BLOCK, [zone(first, end)], undefined)).toBe(expected);
        },
      ),
    );
  });

  it('is not asked of the placement, which knows runs inside of blocks only', () => {
    const finder = finderOf([[0, 2 * BLOCK]], () => idle());
    expect(finder.find(BLOCK, BLOCK, [ALL], undefined)).toBe(-1);
    expect(finder.find(BLOCK + 1, BLOCK, [ALL], undefined)).toBe(0);
  });
});

it('a request gets pages in the first of the zones that has some', () => {
  const finder = finderOf(
    [
      [10, 5],
      [130, 5],
    ],
    firstFit,
  );
  expect(finder.find(5, 1, [zone(2, 4), zone(0, 2)], undefined)).toBe(130);
  expect(finder.find(5, 1, [zone(4, 8), zone(0, 2)], undefined)).toBe(10);
  expect(finder.find(6, 1, [ALL], undefined)).toBe(-1);
});

describe('a placement that leaves free pages unused', () => {
  const usable = idle(() => 0);

  it('leaves the lowest that fit to a request that would be refused', () => {
    const finder = finderOf(
      [
        [3, 4],
        [70, 8],
        [200, 8],
      ],
      () => usable,
    );
    expect(finder.findUnused(4, 1, ALL)).toBe(3);
    expect(finder.findUnused(4, 4, ALL)).toBe(72);
    expect(finder.findUnused(8, 8, ALL)).toBe(200);
    expect(finder.findUnused(4, 1, zone(1, BLOCKS + 5))).toBe(70);
    expect(finder.findUnused(8, 8, zone(0, 3))).toBe(-1);
    expect(finder.findUnused(9, 1, zone(0, BLOCKS + 5))).toBe(-1);
  });

  it('does not if they are more than a block, nor does one that uses all', () => {
    expect(finderOf([[0, 2 * BLOCK]], () => usable).findUnused(BLOCK, 1, ALL)).toBe(0);
    expect(finderOf([[0, 2 * BLOCK]], () => usable).findUnused(BLOCK + 1, 1, ALL)).toBe(-1);
    expect(finderOf([[0, 2 * BLOCK]], () => idle()).findUnused(BLOCK, 1, ALL)).toBe(-1);
  });

  it('must say so: else it is told which pages fit', () => {
    const check = (placement: Placement, pages: number, zones = [zone(0, 1), ALL]) =>
      finderOf(
        [
          [5, 3],
          [70, 6],
          [200, 8],
        ],
        () => placement,
      ).expectUsed(pages, 4, zones);
    expect(() => check(idle(), 4)).toThrow(InputError);
    expect(() => check(idle(), 4)).toThrow(
      "placement 'idle': place(4, 4) found nothing, but the free pages at 72 fit",
    );
    expect(() => check(idle(), 8)).toThrow('the free pages at 200 fit');
    expect(() => check(idle(), 9)).not.toThrow();
    expect(() => check(idle(), 8, [zone(0, 3)])).not.toThrow();
    expect(() => check(idle(), 9, [zone(2, BLOCKS + 5)])).not.toThrow();
    expect(() => check(usable, 4)).not.toThrow();
    // Four pages, but not at a multiple of four.
    expect(() => finderOf([[65, 5]], () => idle()).expectUsed(4, 4, [ALL])).not.toThrow();
    const whole = finderOf([[0, 2 * BLOCK]], () => idle());
    expect(() => whole.expectUsed(BLOCK, BLOCK, [ALL])).toThrow(InputError);
    expect(() => whole.expectUsed(BLOCK + 1, BLOCK, [ALL])).not.toThrow();
  });
});
