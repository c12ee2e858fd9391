import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkLists } from './chunk-lists.ts';

const PAGES = 2 ** 13;
/** More than 64 GiB. */
const MANY_PAGES = 2 ** 24 + 2 ** 20;

describe('the lists of chunks', () => {
  it('are the same in a large guest as in a small one', () => {
    const small = new ChunkLists(PAGES, 1, 1, 9);
    const large = new ChunkLists(MANY_PAGES, 1, 1, 9);
    const both = <Value>(ask: (lists: ChunkLists) => Value): Value => {
      const answer = ask(small);
      expect(ask(large)).toEqual(answer);
      return answer;
    };
    const step = fc.record({
      page: fc.nat(PAGES - 1),
      order: fc.nat(10),
      what: fc.constantFrom('addHead', 'addTail', 'remove', 'removeFirst', 'removeLast'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        for (const { page, order, what } of steps) {
          const pfn = page & ~((1 << order) - 1);
          const list = small.list(0, order, 0);
          const isThere = both((lists) => lists.buddyOrder(pfn)) >= 0;
          if (what === 'remove') {
            if (isThere) both((lists) => lists.remove(pfn));
          } else if (what === 'addHead' || what === 'addTail') {
            if (!isThere) both((lists) => lists[what](list, pfn));
          } else if (both((lists) => lists.count(list)) > 0) {
            both((lists) => lists[what](list));
          }
          both((lists) => [
            lists.first(list),
            lists.count(list),
            lists.placeOf(page),
            lists.covers(pfn, order),
          ]);
          both((lists) => lists.isBuddy(pfn ^ (1 << order), list));
          both((lists) => lists.hasChunk(0, order));
        }
      }),
      { numRuns: randomRuns(200) },
    );
  });
});
