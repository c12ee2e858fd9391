import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KERNELS, type PageAllocator } from './page-allocator.ts';
import { allocatorOf, range } from './testing.ts';

/** Pages 0 to 63 in some order, in which neighbours often follow one another. */
const PAGES = 64;
const orders = fc
  .array(fc.tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: 20 })), { maxLength: 20 })
  .map((runs) => [...new Set(runs.flatMap(([first, count]) => range(first, count)))])
  .map((pages) => pages.filter((page) => page < PAGES));

const zoneOf = (allocator: PageAllocator) => {
  const [{ freeCounter, diffs }] = allocator.zones;
  const { lists } = allocator.buddy;
  return { freeCounter, diffs: [...diffs], places: range(0, PAGES).map((pfn) => lists.placeOf(pfn)) };
};

it('pages that leave a per-CPU list merge as if each were freed by itself: free_pcppages_bulk()', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KERNELS), orders, fc.boolean(), (kernel, pages, isMovable) => {
      const types = isMovable ? ({ 0: 'Movable' } as const) : {};
      const listed = allocatorOf(kernel, [
        // The page that leaves first is the last in the list.
        {
          types,
          cpus: [{ batch: 2, high: 1000, lists: { [isMovable ? 1 : 0]: pages.toReversed() } }],
        },
      ]);
      listed.perCpuLists.drain(listed.zones);
      const single = allocatorOf(kernel, [{ types }]);
      for (const pfn of pages) single.buddy.freeOne(single.zones[0], pfn, 0, isMovable ? 1 : 0);
      expect(zoneOf(listed)).toEqual(zoneOf(single));
    }),
  );
});
