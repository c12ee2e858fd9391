import { x86Geometry } from '@decpool/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClaimedPages } from './claimed-pages.ts';

const SPAN = 4096;

it('a chunk is claimed if each of its pages is, however they were claimed and given back', () => {
  const chunk = fc
    .tuple(fc.nat(10), fc.nat(SPAN - 1))
    .map(([order, pfn]) => ({ order, pfn: pfn & ~(2 ** order - 1) }));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 60 }), (chunks) => {
      const claimed = new ClaimedPages(x86Geometry(SPAN));
      const pages = new Set<number>();
      for (const { pfn, order } of chunks) {
        const all = Array.from({ length: 2 ** order }, (_, page) => pfn + page);
        const isAll = all.every((page) => pages.has(page));
        expect(claimed.has(pfn, order)).toBe(isAll);
        if (isAll) {
          claimed.remove(pfn, order);
          for (const page of all) pages.delete(page);
        } else if (!all.some((page) => pages.has(page))) {
          claimed.add(pfn, order);
          for (const page of all) pages.add(page);
        }
      }
      const wrong = Array.from({ length: SPAN }, (_, page) => page).filter(
        (page) => claimed.has(page, 0) !== pages.has(page),
      );
      expect(wrong).toEqual([]);
    }),
  );
});
