/** Where facts lie in the tables. Keyframes hold the tables word by word, so this never changes for old logs. */
import { describe, expect, it } from 'vitest';
import { x86Geometry } from '../geometry.ts';
import {
  ALLOCATION,
  ALLOCATION_WORDS,
  AREA_MAPPED,
  BITMAP,
  BITMAPS,
  blockLayout,
  CONTIGUOUS_2M,
  contiguousBlocks,
  contiguousPages,
  EXTENT,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  EXTENTS_SHIFT,
  HASHED_ALLOCATION,
  leafWords,
  MAX_UNITS,
  SLAB,
  SLAB_WORDS,
  SPLIT_2M,
  STATUS,
} from './layout.ts';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
const x86 = x86Geometry(2 ** 20);

describe('the words of a record', () => {
  it.each([
    ['an allocation', ALLOCATION, ALLOCATION_WORDS, 17],
    ['an extent', EXTENT, EXTENT_WORDS, 2],
    ['a slab, before its bitmap', SLAB, SLAB.bitmap + 1, 8],
    ['the bitmaps of a block', BITMAP, BITMAPS, 5],
    ['what has become of an allocation', STATUS, Object.keys(STATUS).length, 7],
  ])('have a number for each fact, in order: %s', (_, facts, words, count) => {
    expect(Object.values(facts)).toEqual(upTo(count));
    expect(words).toBe(count);
  });

  it('have their flags in bits that nothing else uses', () => {
    // Levels of a block are 0, 1 and 2; the code of an api is a byte.
    expect([CONTIGUOUS_2M, SPLIT_2M, AREA_MAPPED]).toEqual([1 << 2, 1 << 3, 1 << 8]);
  });

  it('of an allocation are hashed but for those that follow from others', () => {
    const { nextPfn, nextPages, emptiedSlab, emptiedBy } = ALLOCATION;
    const others = [nextPfn, nextPages, emptiedSlab, emptiedBy];
    expect([...HASHED_ALLOCATION, ...others].sort((a, b) => a - b)).toEqual(upTo(ALLOCATION_WORDS));
  });
});

describe('a leaf', () => {
  it.each([32, 512, 8192])('of a block of %i pages has a bit per page in each bitmap', (pagesPerBlock) => {
    const { blockShift, bitmapWords, counts, touched, contiguous, leafWords } = blockLayout({
      ...x86,
      pagesPerBlock,
    });
    expect([2 ** blockShift, bitmapWords * 32]).toEqual([pagesPerBlock, pagesPerBlock]);
    // The bitmaps, a count of each, whether it was touched, and its contiguous runs.
    expect([counts, touched, contiguous, leafWords]).toEqual(
      [0, 5, 6, 7].map((words) => 5 * bitmapWords + words),
    );
  });

  it('of each table has room for its facts', () => {
    expect([EXTENTS_PER_LEAF, 2 ** EXTENTS_SHIFT]).toEqual([4, 4]);
    // A bit for each 8-byte object of a page.
    expect([MAX_UNITS, SLAB_WORDS]).toEqual([4096 / 8, 7 + 512 / 32]);
    expect(leafWords(x86)).toEqual({
      blocks: 5 * 16 + 7,
      mapping: 512 + 1,
      allocations: 17,
      extents: 4 * 2,
      slabs: 23,
    });
  });
});

describe('a contiguous run', () => {
  it('of 4K entries has 16 of them, or more where a block would have over 32 runs', () => {
    const runs = [32, 256, 512, 1024, 8192].map((pagesPerBlock) =>
      contiguousPages({ ...x86, pagesPerBlock }),
    );
    expect(runs).toEqual([16, 16, 16, 32, 256]);
  });

  it('of 2M entries has 16 of them, or half of a region, and there is none in fewer than four blocks', () => {
    const runs = [1, 2, 4, 8, 32, 64, 512].map((blocksPerRegion) =>
      contiguousBlocks({ ...x86, blocksPerRegion }),
    );
    expect(runs).toEqual([0, 0, 2, 4, 16, 16, 16]);
  });
});
