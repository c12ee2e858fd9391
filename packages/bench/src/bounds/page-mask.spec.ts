import fc from 'fast-check';
import { expect, it } from 'vitest';
import { emptyMask, findFree, mark, takeFree } from './page-mask.ts';

/** A block of so many pages with some of them used: as booleans and as a mask. */
const blocks = fc.constantFrom(4, 32, 128).chain((pagesPerBlock) =>
  fc.array(fc.boolean(), { minLength: pagesPerBlock, maxLength: pagesPerBlock }).map((used) => {
    const mask = emptyMask(pagesPerBlock);
    for (const [page, isUsed] of used.entries()) if (isUsed) mark(mask, page, 1, true);
    return { used, mask, pagesPerBlock };
  }),
);

it('finds the lowest aligned run of free pages', () => {
  fc.assert(
    fc.property(blocks, fc.nat(40), ({ used, mask, pagesPerBlock }, count) => {
      const pages = 1 + (count % pagesPerBlock);
      const align = 2 ** Math.ceil(Math.log2(pages));
      let lowest = -1;
      for (let first = 0; first + pages <= pagesPerBlock && lowest === -1; first += align) {
        if (!used.slice(first, first + pages).includes(true)) lowest = first;
      }
      expect(findFree(mask, pagesPerBlock, pages, align)).toBe(lowest);
    }),
  );
});

it('takes the lowest free pages as runs, and marks and clears whole runs', () => {
  fc.assert(
    fc.property(blocks, fc.nat(200), ({ used, mask, pagesPerBlock }, pages) => {
      const free = used.flatMap((isUsed, page) => (isUsed ? [] : [page]));
      const taken: number[] = [];
      const before = mask.slice();
      const runs: [number, number][] = [];
      takeFree(mask, pagesPerBlock, pages, (first, count) => {
        runs.push([first, count]);
        for (let page = first; page < first + count; page++) taken.push(page);
      });
      expect(taken).toEqual(free.slice(0, pages));
      for (const [first, count] of runs) mark(mask, first, count, true);
      const left = free.slice(pages)[0] ?? -1;
      expect(findFree(mask, pagesPerBlock, 1, 1)).toBe(left);
      for (const [first, count] of runs) mark(mask, first, count, false);
      expect(mask).toEqual(before);
    }),
  );
});
