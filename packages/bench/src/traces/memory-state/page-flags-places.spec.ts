/** What withPositions() makes of any page flags. */
import type { Migratetype } from '@decpool/model';
import { MIGRATETYPES, unpackChunks, type ZoneState } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { perType } from './free-lists.ts';
import { type PageFlags, withPositions } from './page-flags.ts';

const [LRU, BUDDY, NOPAGE] = [1 << 5, 1 << 10, 1 << 20];
const BLOCKS = 6;
const PAGES = BLOCKS * 512;
const ORDERS = 11;

const flagsOf = (bits: ArrayLike<number>): PageFlags => ({
  path: 'kpageflags',
  pages: bits.length,
  of: (pfn) => bits[pfn],
});

/** A zone that has so many pageblocks and free chunks of each type. */
const zoneOf = (
  ram: ZoneState['ram'],
  pageblocks: Partial<Record<Migratetype, number>>,
  free: Partial<Record<Migratetype, Readonly<Record<number, number>>>> = {},
): ZoneState => ({
  name: 'Normal',
  ram,
  lowWatermark: 0,
  pageblocks: perType((type) => pageblocks[type] ?? 0),
  free: perType((type) => Array.from({ length: ORDERS }, (_, order) => free[type]?.[order] ?? 0)),
});

const chunksOf = ({ positions }: ZoneState): string[] =>
  (positions?.chunks ?? []).flatMap(([order, packed]) =>
    unpackChunks(packed, PAGES).map((pfn) => `${pfn} order ${order}`),
  );

/** The type of each pageblock, by its number. */
const typesOf = ({ positions }: ZoneState): Migratetype[] => {
  const types: Migratetype[] = [];
  for (const [first, blocks, type] of positions?.pageblocks ?? []) {
    for (let block = first / 512; block < first / 512 + blocks; block++) types[block] = type;
  }
  return types;
};

/** As the page allocator merges buddies: two free ones of an order make one of the next. */
function merged(pages: readonly number[]): string[] {
  let free = new Set(pages);
  const chunks: string[] = [];
  for (let order = 0; order < ORDERS; order++) {
    const next = new Set<number>();
    for (const pfn of free) {
      const isMerged = order < ORDERS - 1 && free.has(pfn ^ (1 << order));
      if (isMerged) next.add(pfn & ~(1 << order));
      else chunks.push(`${pfn} order ${order}`);
    }
    free = next;
  }
  return chunks;
}

describe('the places of free chunks', () => {
  const ranges = fc.array(
    fc.record({
      start: fc.nat(PAGES - 1),
      pages: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2000 })),
      bits: fc.constantFrom(0, LRU, BUDDY, BUDDY, NOPAGE),
    }),
    { minLength: 1, maxLength: 12 },
  );

  it('are those to which buddies merge; the types of pageblocks are as many as pagetypeinfo counts', () => {
    fc.assert(
      fc.property(ranges, fc.nat(BLOCKS), (told, movable) => {
        const bits = new Uint32Array(PAGES);
        for (const { start, pages, bits: set } of told) bits.fill(set, start, start + pages);
        const zone = zoneOf([[0, PAGES]], { Movable: movable, Unmovable: BLOCKS - movable });
        const found = withPositions(zone, flagsOf(bits), []);
        const free = [...bits.keys()].filter((pfn) => bits[pfn] === BUDDY);
        expect(chunksOf(found).sort()).toEqual(merged(free).sort());
        const types = typesOf(found);
        expect(types).toHaveLength(BLOCKS);
        for (const type of MIGRATETYPES) {
          expect(found.pageblocks[type]).toBe(types.filter((each) => each === type).length);
          const chunks = chunksOf(found).filter(
            (text) => types[Math.floor(Number.parseInt(text, 10) / 512)] === type,
          );
          expect(found.free[type]).toEqual(
            Array.from(
              { length: ORDERS },
              (_, order) => chunks.filter((text) => text.endsWith(` order ${order}`)).length,
            ),
          );
        }
        const lru = Array.from(
          { length: BLOCKS },
          (_, block) => bits.subarray(512 * block, 512 * block + 512).filter((each) => each === LRU).length,
        );
        const lruFound = new Array<number>(BLOCKS).fill(0);
        for (const [first, blocks, pages] of found.positions?.movable ?? [])
          lruFound.fill(pages, first / 512, first / 512 + blocks);
        expect(lruFound).toEqual(lru);
      }),
      { numRuns: 20 },
    );
  });

  it('are in RAM: no chunk reaches over a hole, or over the end', () => {
    const bits = new Uint32Array(PAGES).fill(BUDDY);
    const zone = zoneOf(
      [
        [512, 100],
        [1024, 512],
      ],
      {},
    );
    expect(chunksOf(withPositions(zone, flagsOf(bits), []))).toEqual([
      '608 order 2',
      '576 order 5',
      '512 order 6',
      '1024 order 9',
    ]);
    expect(() => withPositions(zoneOf([[0, 1537]], {}), flagsOf(bits.subarray(0, 1536)), [])).toThrow(
      'expected the flags of 1537 pages',
    );
  });
});

describe('the type of a pageblock', () => {
  /** Page flags by ranges [start, pages, bits]; other pages are the kernel's. */
  const flagsWith = (...ranges: readonly (readonly [start: number, pages: number, bits: number])[]) => {
    const bits = new Uint32Array(PAGES);
    for (const [start, pages, set] of ranges) bits.fill(set, start, start + pages);
    return flagsOf(bits);
  };
  const typesIn = (zone: ZoneState, flags: PageFlags, warnings: string[] = []) =>
    typesOf(withPositions(zone, flags, warnings));
  const ram: ZoneState['ram'] = [[0, 1024]];

  it('is Movable if most of its pages are on LRU lists, wherever it lies', () => {
    const zone = zoneOf(ram, { Movable: 1, Unmovable: 1 });
    expect(typesIn(zone, flagsWith([0, 512, LRU]))).toEqual(['Movable', 'Unmovable']);
    expect(typesIn(zone, flagsWith([512, 512, LRU]))).toEqual(['Unmovable', 'Movable']);
  });

  it('is given by address if nothing else tells', () => {
    expect(typesIn(zoneOf(ram, { Movable: 1, Unmovable: 1 }), flagsWith())).toEqual(['Unmovable', 'Movable']);
    const alike = flagsWith([10, 1, BUDDY], [522, 1, BUDDY]);
    const zone = zoneOf(ram, { Movable: 1, Unmovable: 1 }, { Unmovable: { 0: 2 } });
    expect(typesIn(zone, alike)).toEqual(['Unmovable', 'Movable']);
  });

  it('is one of which pagetypeinfo counts more pageblocks, though another fits its free chunks', () => {
    // Both have free chunks as Unmovable has; the one with more of them gets the only pageblock.
    const zone = zoneOf(ram, { Movable: 1, Unmovable: 1 }, { Unmovable: { 0: 5 } });
    expect(typesIn(zone, flagsWith([10, 1, BUDDY], [522, 1, BUDDY], [524, 1, BUDDY]))).toEqual([
      ...(['Movable', 'Unmovable'] as const),
    ]);
  });

  it('is the one whose free chunks it has, also if some more of its pages are on LRU lists', () => {
    const flags = flagsWith([0, 280, LRU], [512, 280, LRU], [400, 16, BUDDY], [1000, 8, BUDDY]);
    const free = { Unmovable: { 3: 1 }, Movable: { 4: 1 } };
    expect(typesIn(zoneOf(ram, { Movable: 1, Unmovable: 1 }, free), flags)).toEqual(['Movable', 'Unmovable']);
    const swapped = { Unmovable: { 4: 1 }, Movable: { 3: 1 } };
    expect(typesIn(zoneOf(ram, { Movable: 1, Unmovable: 1 }, swapped), flags)).toEqual([
      'Unmovable',
      'Movable',
    ]);
  });

  it('is of the list that has a free chunk of its whole, Movable last', () => {
    const zone = zoneOf(
      [[0, 2048]],
      { Unmovable: 1, Reclaimable: 2, Movable: 1 },
      { Unmovable: { 9: 1 }, Reclaimable: { 10: 1 } },
    );
    const flags = flagsWith([0, 512, BUDDY], [1024, 1024, BUDDY]);
    expect(typesIn(zone, flags)).toEqual(['Unmovable', 'Movable', 'Reclaimable', 'Reclaimable']);
  });

  it('is told with a warning if kpageflags and pagetypeinfo count other free pages', () => {
    const warnings: string[] = [];
    const zone = zoneOf(ram, { Unmovable: 2 }, { Unmovable: { 1: 1, 3: 2 } });
    typesIn(zone, flagsWith([8, 8, BUDDY], [32, 8, BUDDY], [50, 2, BUDDY]), warnings);
    expect(warnings).toEqual([]);
    typesIn(zone, flagsWith([8, 8, BUDDY], [32, 8, BUDDY]), warnings);
    expect(warnings).toEqual([
      'In zone Normal, kpageflags has 16 free pages, pagetypeinfo 18. Those of kpageflags are used.',
    ]);
  });
});
