import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lowestFirst, type Preference } from './blocks.ts';
import { ITEM_ORDERS } from './by-interval.ts';
import { departureFirst, fullestFirst } from './in-time-order.ts';
import type { PageItem } from './items.ts';
import type { Packing, Piece } from './plan.ts';
import { packByInterval, packInTimeOrder } from './testing-at-once.ts';

const P = 8;
const REQUESTS = 40;

/** Items in the order of their starts; no two requests of one index. */
const itemLists = fc
  .array(
    fc.record({
      start: fc.nat(REQUESTS - 1),
      life: fc.integer({ min: 1, max: REQUESTS }),
      shape: fc.constantFrom([1, 1], [2, 2], [3, 4], [4, 4], [8, 8], [5, 0], [11, 0], [9, 16], [16, 16]),
      lifeNs: fc.constantFrom(0, 1, 3, 4, 100, 1000),
      place: fc.constantFrom('a', 'a', 'b'),
    }),
    { maxLength: 25 },
  )
  .map((drawn) =>
    drawn
      .sort((a, b) => a.start - b.start)
      .map(
        ({ start, life, shape: [pages, align], lifeNs, place }): PageItem => ({
          ...{ pages, align, start, end: Math.min(REQUESTS, start + life), lifeNs, place },
          ...{ mayConvertAtStart: true, mayConvertAtEnd: true },
        }),
      ),
  );

interface Placed {
  readonly item: PageItem;
  readonly pieces: readonly Piece[];
}

/**
 * The plain reading of a packing: each item in turn looks at all that was placed before it, and takes the lowest free pages of the
 * blocks in the order in which it prefers them.
 */
function plainly(items: readonly PageItem[], sequence: readonly number[], prefer: Preference): Packing {
  const placed: Placed[] = [];
  const places: string[] = [];
  const packing: (readonly Piece[])[] = [];
  for (const index of sequence) {
    const item = items[index];
    const meets = placed.filter(({ item: other }) => other.start < item.end && item.start < other.end);
    const isUsed = (block: number, page: number) =>
      meets.some(({ pieces }) =>
        pieces.some(
          (piece) => piece.block === block && piece.first <= page && page < piece.first + piece.pages,
        ),
      );
    const isRunFree = (block: number, first: number, pages: number) => {
      for (let page = first; page < first + pages; page++) if (isUsed(block, page)) return false;
      return true;
    };
    const freePages = (block: number) =>
      Array.from({ length: P }, (_, page) => page).filter((page) => !isUsed(block, page)).length;
    const lastEnd = (block: number) =>
      Math.max(
        0,
        ...meets
          .filter(({ pieces }) => pieces.some((piece) => piece.block === block))
          .map(({ item: other }) => other.end),
      );
    const key = (block: number) =>
      prefer({ place: places[block], freePages: freePages(block), lastEnd: lastEnd(block) }, item);
    const inOrder = [...places.keys()]
      .filter((block) => places[block] === item.place)
      .map((block) => ({ block, key: key(block) }))
      .sort((a, b) => (a.key === b.key ? a.block - b.block : a.key - b.key))
      .map(({ block }) => block);
    const pieces: Piece[] = [];
    if (item.align > P) {
      for (let block = 0; pieces.length === 0; block += item.align / P) {
        while (places.length < block) places.push(item.place);
        const wanted = [
          { block, first: 0, pages: P },
          { block: block + 1, first: 0, pages: item.pages - P },
        ];
        const isFree = wanted.every((piece) => {
          while (places.length <= piece.block) places.push(item.place);
          return places[piece.block] === item.place && isRunFree(piece.block, piece.first, piece.pages);
        });
        if (isFree) pieces.push(...wanted);
      }
    } else if (item.align > 0) {
      for (const block of inOrder) {
        for (let first = 0; first + item.pages <= P && pieces.length === 0; first += item.align) {
          if (isRunFree(block, first, item.pages)) pieces.push({ block, first, pages: item.pages });
        }
      }
      if (pieces.length === 0)
        pieces.push({ block: places.push(item.place) - 1, first: 0, pages: item.pages });
    } else {
      for (let left = item.pages; left > 0; ) {
        const block = inOrder.shift() ?? places.push(item.place) - 1;
        for (let page = 0; page < P && left > 0; page++) {
          if (isUsed(block, page)) continue;
          const last = pieces.at(-1);
          if (last?.block === block && last.first + last.pages === page)
            pieces[pieces.length - 1] = { ...last, pages: last.pages + 1 };
          else pieces.push({ block, first: page, pages: 1 });
          left--;
        }
      }
    }
    placed.push({ item, pieces });
    packing[index] = pieces;
  }
  return packing;
}

it.each([
  ['the lowest block', lowestFirst],
  ['the fullest block', fullestFirst],
  ['the block that is empty soonest after it', departureFirst],
] as const)('in the order of time each item takes %s with room', (_, prefer) => {
  fc.assert(
    fc.property(itemLists, (items) => {
      expect(packInTimeOrder(items, P, prefer)).toEqual(plainly(items, [...items.keys()], prefer));
    }),
    { numRuns: 60 },
  );
});

it('the block that is empty soonest after an item is better than one that it keeps open, the less the better, and any than an empty one', () => {
  const item = { end: 10 } as PageItem;
  const key = (lastEnd: number) => departureFirst({ place: '', freePages: 1, lastEnd }, item);
  const best = [10, 11, 30, 9, 1, 0].map(key);
  expect(best).toEqual(best.toSorted((a, b) => a - b));
  expect(new Set(best).size).toBe(6);
  expect(key(10)).toBe(0);
});

/** The orders, in words: ties go on to the next, and at last to the item that comes first. */
const largest = (a: PageItem, b: PageItem) => b.align - a.align;
const earliest = (a: PageItem, b: PageItem) => a.start - b.start;
const latest = (a: PageItem, b: PageItem) => b.end - a.end;
const longest = (a: PageItem, b: PageItem) => b.lifeNs - a.lifeNs;
const bitsOf = (a: PageItem) => (a.lifeNs + 1).toString(2).length;
const longestClass = (a: PageItem, b: PageItem) => bitsOf(b) - bitsOf(a);
const ORDERS = [
  [largest, earliest],
  [largest, latest],
  [largest, longest],
  [longest, largest],
  [longestClass, largest, earliest],
];

it('by interval each item takes the lowest pages that are free for all of its life, in each order of the items, however finely time is divided', () => {
  expect(ITEM_ORDERS).toHaveLength(ORDERS.length);
  fc.assert(
    fc.property(itemLists, fc.constantFrom(0.5, 3, 40), (items, itemsPerBlock) => {
      for (const [at, order] of ORDERS.entries()) {
        const sequence = [...items.keys()].sort(
          (a, b) => order.map((by) => by(items[a], items[b])).find((difference) => difference !== 0) ?? a - b,
        );
        expect(packByInterval(items, REQUESTS, P, itemsPerBlock, ITEM_ORDERS[at])).toEqual(
          plainly(items, sequence, lowestFirst),
        );
      }
    }),
    { numRuns: 40 },
  );
});
