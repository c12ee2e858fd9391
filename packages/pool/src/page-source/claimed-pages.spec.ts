import { x86Geometry } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClaimedPages } from './claimed-pages.ts';

/** Eight pageblocks of 64 pages. */
const SPAN = 512;
const geometry = checkGeometry({ ...x86Geometry(SPAN), pagesPerBlock: 64 });

it('a chunk is claimed if each of its pages is, however they were claimed and given back', () => {
  // Up to four pageblocks; half of all chunks in the first four, so that many meet again.
  const chunk = fc
    .tuple(fc.nat(8), fc.oneof(fc.nat(SPAN - 1), fc.nat(255)))
    .map(([order, pfn]) => ({ order, pfn: pfn & ~(2 ** order - 1) }));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 80, size: 'max' }), (chunks) => {
      const claimed = new ClaimedPages(geometry);
      const pages = new Set<number>();
      for (const { pfn, order } of chunks) {
        const all = Array.from({ length: 2 ** order }, (_, page) => pfn + page);
        const isAll = all.every((page) => pages.has(page));
        if (claimed.has(pfn, order) !== isAll)
          expect.fail(`order ${order} at page ${pfn}: claimed is not ${isAll}`);
        if (isAll) {
          claimed.remove(pfn, order);
          for (const page of all) pages.delete(page);
        } else if (!all.some((page) => pages.has(page))) {
          claimed.add(pfn, order);
          for (const page of all) pages.add(page);
        } else {
          // What is claimed of it comes back page by page.
          for (const page of all.filter((each) => pages.delete(each))) claimed.remove(page, 0);
        }
      }
      const wrong = Array.from({ length: SPAN }, (_, page) => page).filter(
        (page) => claimed.has(page, 0) !== pages.has(page),
      );
      expect(wrong).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

it('claims of the last page and the last pageblock of a span are kept', () => {
  const claimed = new ClaimedPages(geometry);
  claimed.add(SPAN - 1, 0);
  expect(claimed.has(SPAN - 1, 0)).toBe(true);
  claimed.remove(SPAN - 1, 0);
  claimed.add(SPAN - 64, 6);
  expect(claimed.has(SPAN - 1, 0)).toBe(true);
});
