import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttributeChange, DirectMap, splitAtBoundaries } from './direct-map.ts';
import { checkGeometry, x86Geometry } from './geometry.ts';
import type { MappingLevel, MappingRun } from './memory-state.ts';
import { pfn } from './units.ts';

const DECRYPT: AttributeChange = { mask: 1, set: true };
const ENCRYPT: AttributeChange = { mask: 1, set: false };
const ROX: AttributeChange = { mask: 12, set: true, collapse: true };
const RW_NX: AttributeChange = { mask: 12, set: false };

const GIB = 512 * 512;
const NOTHING = { splits2M: 0, splits1G: 0, collapses2M: 0, collapses1G: 0 };

/** 2 GiB: the first in 2M entries, the second one 1G entry. */
function twoGib(): DirectMap {
  return new DirectMap(x86Geometry(2 * GIB), [
    [0, GIB, 2],
    [GIB, GIB, 3],
  ]);
}

const levels = (map: DirectMap, blocks: number, from = 0): MappingLevel[] =>
  Array.from({ length: blocks }, (_, index) => map.levelAt(pfn(from + index * 512)));

describe('a 2M entry', () => {
  it('splits when one of its pages is converted, and only it', () => {
    const map = twoGib();
    expect(map.change(pfn(512 + 7), 1, DECRYPT)).toEqual({ ...NOTHING, splits2M: 1 });
    expect(levels(map, 3)).toEqual([2, 1, 2]);
    expect(map.pagesAt(1)).toBe(512);
    expect(map.pagesAt(2)).toBe(GIB - 512);
  });

  it('splits once, however many of its pages are converted one by one', () => {
    const map = twoGib();
    map.change(pfn(512), 1, DECRYPT);
    for (let page = 513; page < 1024; page++) {
      expect(map.change(pfn(page), 1, DECRYPT)).toEqual(NOTHING);
    }
  });

  it('stays when the range covers it from base to end', () => {
    const map = twoGib();
    expect(map.change(pfn(512), 512, DECRYPT)).toEqual(NOTHING);
    expect(map.attributesAt(pfn(1023))).toBe(1);
    expect(map.attributesAt(pfn(1024))).toBe(0);
  });

  it('splits when the range covers it all but the last page', () => {
    expect(twoGib().change(pfn(512), 511, DECRYPT).splits2M).toBe(1);
  });

  it('splits when one page of the converted whole is reverted', () => {
    const map = twoGib();
    map.change(pfn(512), 512, DECRYPT);
    expect(map.change(pfn(512), 1, ENCRYPT).splits2M).toBe(1);
  });

  it('stays when a part of it is given the attributes it has', () => {
    const map = twoGib();
    expect(map.change(pfn(512 + 5), 700, ENCRYPT)).toEqual(NOTHING);
    map.change(pfn(512), 512, DECRYPT);
    expect(map.change(pfn(512 + 5), 100, DECRYPT)).toEqual(NOTHING);
  });

  it('splits when a part of it gets an attribute more', () => {
    const map = twoGib();
    map.change(pfn(512), 512, DECRYPT);
    expect(map.change(pfn(512), 1, { mask: 3, set: true }).splits2M).toBe(1);
  });
});

describe('a 1G entry', () => {
  it('splits into 2M entries for an aligned 2 MiB range', () => {
    const map = twoGib();
    expect(map.change(pfn(GIB + 512), 512, DECRYPT)).toEqual({ ...NOTHING, splits1G: 1 });
    expect(levels(map, 3, GIB)).toEqual([2, 2, 2]);
    expect(map.pagesAt(3)).toBe(0);
  });

  it('splits twice for a single page', () => {
    expect(twoGib().change(pfn(GIB + 700), 1, DECRYPT)).toEqual({ ...NOTHING, splits1G: 1, splits2M: 1 });
  });

  it('stays when the range covers all of it', () => {
    expect(twoGib().change(pfn(GIB), GIB, DECRYPT)).toEqual(NOTHING);
  });

  it('splits when the range starts one block before and ends one block early', () => {
    const map = twoGib();
    expect(map.change(pfn(GIB - 512), GIB, DECRYPT)).toEqual({ ...NOTHING, splits1G: 1 });
  });
});

describe('a long range that is not aligned', () => {
  it('splits only the blocks at its two ends', () => {
    const map = twoGib();
    expect(map.change(pfn(512 + 100), 4 * 512, DECRYPT)).toEqual({ ...NOTHING, splits2M: 2 });
    expect(levels(map, 7)).toEqual([2, 1, 2, 2, 2, 1, 2]);
  });
});

describe('reverting', () => {
  it('merges nothing', () => {
    const map = twoGib();
    map.change(pfn(GIB + 5), 1, DECRYPT);
    expect(map.change(pfn(GIB + 5), 1, ENCRYPT)).toEqual(NOTHING);
    expect(levels(map, 2, GIB)).toEqual([1, 2]);
  });
});

describe('set_memory_rox() since Linux 6.15', () => {
  it('merges a block that it makes uniform', () => {
    const map = twoGib();
    map.change(pfn(512), 1, DECRYPT);
    map.change(pfn(512), 1, ENCRYPT);
    expect(map.change(pfn(512), 512, ROX)).toEqual({ ...NOTHING, collapses2M: 1 });
    expect(map.levelAt(pfn(512))).toBe(2);
  });

  it('leaves a block alone while one of its pages differs', () => {
    const map = twoGib();
    map.change(pfn(512), 1, DECRYPT);
    expect(map.change(pfn(512), 512, ROX)).toEqual(NOTHING);
  });

  it('looks at the whole block of a range that touches only a part of it', () => {
    const map = twoGib();
    map.change(pfn(512), 1, ROX);
    expect(map.change(pfn(513), 511, ROX)).toEqual({ ...NOTHING, collapses2M: 1 });
  });

  it('looks at the blocks that the range lies in, and at no block before or behind', () => {
    const map = twoGib();
    for (const block of [0, 1, 2, 3]) map.change(pfn(512 * block), 1, DECRYPT);
    for (const block of [0, 1, 2, 3]) map.change(pfn(512 * block), 1, ENCRYPT);
    const whole = { mask: 12, set: true };
    for (const block of [1, 2]) map.change(pfn(512 * block), 512, whole);
    expect(map.change(pfn(512 + 100), 512, ROX)).toEqual({ ...NOTHING, collapses2M: 2 });
    expect(levels(map, 4)).toEqual([1, 2, 2, 1]);
    map.change(pfn(512), 1, DECRYPT);
    map.change(pfn(512), 1, ENCRYPT);
    expect(map.change(pfn(0), 512, ROX)).toEqual({ ...NOTHING, collapses2M: 1 });
    expect(levels(map, 4)).toEqual([2, 1, 2, 1]);
  });

  it('rebuilds the 1G entry together with its last split block', () => {
    const map = twoGib();
    map.change(pfn(GIB), 1, DECRYPT);
    map.change(pfn(GIB), 1, ENCRYPT);
    expect(map.change(pfn(GIB), GIB, ROX)).toEqual({ ...NOTHING, collapses2M: 1, collapses1G: 1 });
    expect(map.levelAt(pfn(GIB))).toBe(3);
    expect(map.change(pfn(GIB), GIB, RW_NX)).toEqual(NOTHING);
  });

  it('does not rebuild a 1G entry out of uniform 2M entries alone', () => {
    const map = twoGib();
    map.change(pfn(GIB), 512, DECRYPT);
    map.change(pfn(GIB), 512, ENCRYPT);
    expect(map.change(pfn(GIB), GIB, ROX)).toEqual(NOTHING);
    expect(map.levelAt(pfn(GIB))).toBe(2);
  });

  it('never merges over a hole', () => {
    const map = new DirectMap(x86Geometry(1024), [
      [0, 400, 1],
      [512, 512, 1],
    ]);
    expect(map.change(pfn(0), 1024, ROX)).toEqual({ ...NOTHING, collapses2M: 1 });
    expect(levels(map, 2)).toEqual([1, 2]);
  });
});

describe('the start', () => {
  it('takes the smaller page size where runs share a block, and holes elsewhere', () => {
    const map = new DirectMap(x86Geometry(2048), [
      [0, 600, 2],
      [600, 100, 1],
      [700, 836, 0],
    ]);
    expect(levels(map, 4)).toEqual([2, 1, 0, 0]);
    expect([map.pagesAt(1), map.pagesAt(2)]).toEqual([100, 600]);
  });

  it('takes the smaller page size in whatever order the runs are given', () => {
    const runs: readonly MappingRun[] = [
      [0, 100, 1],
      [100, 200, 2],
      [300, 100, 1],
      [400, 112, 3],
    ];
    for (const order of [runs, runs.toReversed()]) {
      expect(levels(new DirectMap(x86Geometry(512), order), 1)).toEqual([1]);
    }
  });

  it('takes the attributes of a run', () => {
    const map = new DirectMap(x86Geometry(1024), [[0, 1024, 2, 1]]);
    expect(map.change(pfn(3), 9, DECRYPT)).toEqual(NOTHING);
    expect(map.change(pfn(3), 9, ENCRYPT).splits2M).toBe(1);
  });
});

/** Regions of 4 blocks of 32 pages: small enough to search. */
const SMALL = checkGeometry({ pageShift: 12, pagesPerBlock: 32, blocksPerRegion: 4, spanPages: 512 });

/** Three whole regions at 1G, 2M and 4K, then a region with a hole in its middle. */
const START: readonly MappingRun[] = [
  [0, 128, 3],
  [128, 128, 2],
  [256, 128, 1],
  [384, 32, 2],
  [416, 32, 0],
  [448, 64, 2],
];

const anyChange = fc
  .record({
    start: fc.nat(511),
    pages: fc.integer({ min: 1, max: 512 }),
    mask: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ start, pages, mask }) =>
    fc.record({
      start: fc.constant(start),
      pages: fc.constant(Math.min(pages, 512 - start)),
      change: fc.record({ mask: fc.constant(mask), set: fc.boolean(), collapse: fc.boolean() }),
    }),
  );

const allPages = Array.from({ length: SMALL.spanPages }, (_, index) => pfn(index));
const snapshot = (map: DirectMap) => allPages.map((page) => [map.levelAt(page), map.attributesAt(page)]);
const sizeOf: Record<MappingLevel, number> = { 0: 1, 1: 1, 2: 32, 3: 128 };

describe('after any sequence of changes', () => {
  const sequences = fc.array(anyChange, { maxLength: 30 });

  it('each page has exactly the attributes last given to it', () => {
    fc.assert(
      fc.property(sequences, (changes) => {
        const map = new DirectMap(SMALL, START);
        const expected = allPages.map(() => 0);
        for (const { start, pages, change } of changes) {
          map.change(pfn(start), pages, change);
          for (let page = start; page < start + pages; page++) {
            if (map.levelAt(pfn(page)) === 0) continue;
            expected[page] = change.set ? expected[page] | change.mask : expected[page] & ~change.mask;
          }
        }
        expect(allPages.map((page) => map.attributesAt(page))).toEqual(expected);
      }),
    );
  });

  it('a large entry has one level and one set of attributes over all of its pages', () => {
    fc.assert(
      fc.property(sequences, (changes) => {
        const map = new DirectMap(SMALL, START);
        for (const { start, pages, change } of changes) map.change(pfn(start), pages, change);
        for (const page of allPages) {
          const base = pfn(page - (page % sizeOf[map.levelAt(page)]));
          expect(map.levelAt(page)).toBe(map.levelAt(base));
          expect(map.attributesAt(page)).toBe(map.attributesAt(base));
        }
      }),
    );
  });

  it('holes stay holes and the pages at each level add up', () => {
    fc.assert(
      fc.property(sequences, (changes) => {
        const map = new DirectMap(SMALL, START);
        for (const { start, pages, change } of changes) map.change(pfn(start), pages, change);
        for (const level of [1, 2, 3] as const) {
          expect(map.pagesAt(level)).toBe(allPages.filter((page) => map.levelAt(page) === level).length);
        }
        expect(allPages.filter((page) => map.levelAt(page) === 0)).toEqual(allPages.slice(416, 448));
      }),
    );
  });

  it('the counts of one change are what happened to the levels', () => {
    fc.assert(
      fc.property(sequences, anyChange, (changes, { start, pages, change }) => {
        const map = new DirectMap(SMALL, START);
        for (const earlier of changes) map.change(pfn(earlier.start), earlier.pages, earlier.change);
        const before = { level1: map.pagesAt(1), level3: map.pagesAt(3) };
        const result = map.change(pfn(start), pages, change);
        expect(map.pagesAt(1) - before.level1).toBe(32 * (result.splits2M - result.collapses2M));
        expect(map.pagesAt(3) - before.level3).toBe(128 * (result.collapses1G - result.splits1G));
      }),
    );
  });

  it('the same change a second time changes nothing', () => {
    fc.assert(
      fc.property(sequences, anyChange, (changes, { start, pages, change }) => {
        const map = new DirectMap(SMALL, START);
        for (const earlier of changes) map.change(pfn(earlier.start), earlier.pages, earlier.change);
        const plain = { mask: change.mask, set: change.set };
        map.change(pfn(start), pages, plain);
        const once = snapshot(map);
        expect(map.change(pfn(start), pages, plain)).toEqual(NOTHING);
        expect(snapshot(map)).toEqual(once);
      }),
    );
  });

  it('an entry survives a change exactly when it is covered by the range or has the attributes already', () => {
    fc.assert(
      fc.property(sequences, anyChange, (changes, { start, pages, change: { mask, set } }) => {
        const map = new DirectMap(SMALL, START);
        for (const earlier of changes) map.change(pfn(earlier.start), earlier.pages, earlier.change);
        const survives = (page: number, level: 2 | 3): boolean => {
          const base = page - (page % sizeOf[level]);
          const end = base + sizeOf[level];
          const isDisjoint = end <= start || base >= start + pages;
          const isCovered = base >= start && end <= start + pages;
          return isDisjoint || isCovered || (map.attributesAt(pfn(base)) & mask) === (set ? mask : 0);
        };
        const expected = allPages.map((page) => {
          const level = map.levelAt(page);
          if (level === 3 && survives(page, 3)) return 3;
          return level >= 2 ? (survives(page, 2) ? 2 : 1) : level;
        });
        map.change(pfn(start), pages, { mask, set });
        expect(allPages.map((page) => map.levelAt(page))).toEqual(expected);
      }),
    );
  });
});

describe('a split at boundaries', () => {
  /** Entries by their first page: 128 pages that split into 64, those into 32, 16 and 1. */
  const NEXT = new Map([
    [128, 64],
    [64, 32],
    [32, 16],
    [16, 1],
  ]);
  const fresh = () => allPages.map(() => 128);
  const split = (entries: number[], start: number, pages: number): number[] => {
    const sizes: number[] = [];
    splitAtBoundaries(
      SMALL,
      {
        entryPagesAt: (page) => entries[page],
        splitEntry: (base, size) => {
          sizes.push(size);
          entries.fill(NEXT.get(size)!, base, base + size);
        },
      },
      pfn(start),
      pages,
    );
    return sizes;
  };

  it('goes down step by step where the range begins, then where it ends', () => {
    expect(split(fresh(), 5, 1)).toEqual([128, 64, 32, 16]);
    expect(split(fresh(), 0, 32)).toEqual([128, 64]);
    expect(split(fresh(), 0, 128)).toEqual([]);
    expect(split(fresh(), 5, 128)).toEqual([128, 64, 32, 16, 128, 64, 32, 16]);
  });

  it('needs no entry behind the end of memory', () => {
    expect(split(fresh(), SMALL.spanPages - 32, 32)).toEqual([128, 64]);
  });

  it('leaves an entry begin at either end, and splits no entry that holds neither', () => {
    const range = fc.record({ start: fc.nat(SMALL.spanPages - 1), pages: fc.integer({ min: 1, max: 200 }) });
    fc.assert(
      fc.property(fc.array(range, { maxLength: 4 }), range, (earlier, { start, pages: wanted }) => {
        const entries = fresh();
        for (const { start, pages } of earlier)
          split(entries, start, Math.min(pages, SMALL.spanPages - start));
        const before = [...entries];
        const pages = Math.min(wanted, SMALL.spanPages - start);
        const ends = [start, start + pages];
        split(entries, start, pages);
        for (const end of ends) if (end < SMALL.spanPages) expect(end % entries[end]).toBe(0);
        for (const page of allPages) {
          const base = page - (page % before[page]);
          const holdsEnd = ends.some((end) => base < end && end < base + before[page]);
          if (!holdsEnd) expect(entries[page]).toBe(before[page]);
        }
        expect(split(entries, start, pages)).toEqual([]);
      }),
    );
  });
});
