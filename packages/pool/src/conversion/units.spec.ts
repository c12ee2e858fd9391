/** What conversions do to the units of a range, compared with a look at each page. */
import {
  InputError,
  type Pfn,
  type Platform,
  platformNamed,
  type StateView,
  pfn as toPfn,
  x86Geometry,
} from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConversionResult, Recorder } from '../policy.ts';
import { adaptiveConversion } from './adaptive.ts';
import { blocks } from './block.ts';
import { type Conversion, isShared, shareRange } from './conversion.ts';
import { granuleConversion } from './granule.ts';
import { encryptIdle } from './per-unit.ts';

const PAGES = 64;

/** Memory of which each page is shared or not, and allocated or not. `results`: of the conversions, in turn; then `converted`. */
function memoryOf(
  shared: readonly boolean[],
  allocated: readonly boolean[],
  results: readonly ConversionResult[] = [],
) {
  const is = { shared: [...shared], allocated: [...allocated] };
  const calls: (readonly [start: number, pages: number])[] = [];
  const convert = (isToShare: boolean) => (start: Pfn, pages: number) => {
    calls.push([start, pages]);
    is.shared.fill(isToShare, start, start + pages);
    return results[calls.length - 1] ?? 'converted';
  };
  const view = {
    platform: platformNamed('snp'),
    geometry: x86Geometry(PAGES),
    firstWhereNot: (kind: 'shared' | 'allocated', value: boolean, start: number, pages: number) =>
      is[kind].findIndex((each, page) => page >= start && page < start + pages && each !== value),
    pagesOf: () => 0,
  } as unknown as StateView;
  const record = { decrypt: convert(true), encrypt: convert(false) } as unknown as Recorder;
  return { view, record, calls, is };
}

const bits = fc.array(fc.boolean(), { minLength: PAGES, maxLength: PAGES });
const ranges = fc.tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: PAGES })).map(([start, pages]) => ({
  start,
  end: Math.min(start + pages, PAGES),
}));
const units = fc.constantFrom(1, 2, 4, 8);
/** Runs that are long enough to cross units. */
const coarse = fc
  .tuple(bits, fc.constantFrom(1, 2, 3, 5))
  .map(([all, step]) => all.map((_, page) => all[Math.floor(page / step)]));

describe('sharing a range', () => {
  it('shares whole units, one conversion for each run of private pages, and no unit without one', () => {
    fc.assert(
      fc.property(coarse, ranges, units, (shared, { start, end }, unit) => {
        const { view, record, calls, is } = memoryOf(shared, []);
        expect(isShared(toPfn(start), end - start, view)).toBe(
          shared.slice(start, end).every((page) => page),
        );
        expect(shareRange(toPfn(start), end - start, unit, view, record)).toBeUndefined();
        const isWanted = (page: number) => {
          const first = page - (page % unit);
          return shared.some(
            (isOf, at) => !isOf && at >= first && at < first + unit && at >= start && at < end,
          );
        };
        expect(is.shared).toEqual(shared.map((isOf, page) => isOf || isWanted(page)));
        const converted = calls.flatMap(([at, pages]) =>
          Array.from({ length: pages }, (_, page) => at + page),
        );
        expect(converted).toEqual(shared.flatMap((_, page) => (isWanted(page) ? [page] : [])));
        // Each begins with a unit that has a private page that those before have not shared.
        const runs = shared.filter(
          (isOf, at) => !isOf && at >= start && at < end && (at === start || shared[at - 1]),
        ).length;
        expect(calls.length).toBeLessThanOrEqual(runs);
      }),
      { numRuns: 60 },
    );
  });

  it('ends with the first conversion that fails, and tells which pages have leaked', () => {
    const shared = Array.from({ length: PAGES }, (_, page) => page % 16 === 0);
    const after = (...results: ConversionResult[]) => {
      const { view, record, calls } = memoryOf(shared, [], results);
      return { failure: shareRange(toPfn(2), 50, 4, view, record), calls };
    };
    expect(after()).toEqual({
      failure: undefined,
      calls: [
        [0, 16],
        [16, 16],
        [32, 16],
        [48, 4],
      ],
    });
    expect(after('converted', 'leaked')).toEqual({
      failure: { leaked: { start: 16, pages: 16 } },
      calls: [
        [0, 16],
        [16, 16],
      ],
    });
    expect(after('private')).toEqual({ failure: { leaked: undefined }, calls: [[0, 16]] });
  });

  it('is needless outside a confidential VM', () => {
    const { view, record, calls } = memoryOf(new Array(PAGES).fill(false), []);
    const outside = { ...view, platform: platformNamed('none') } as unknown as StateView;
    expect(shareRange(toPfn(0), 8, 1, outside, record)).toBeUndefined();
    expect(isShared(toPfn(0), 8, outside)).toBe(true);
    expect(calls).toEqual([]);
  });
});

describe('making idle units private', () => {
  it('is done to those that the range lies in and that hold no allocation, one conversion for each run of them', () => {
    fc.assert(
      fc.property(coarse, ranges, fc.constantFrom(2, 4, 8), (allocated, { start, end }, unit) => {
        const { view, record, calls } = memoryOf([], allocated);
        expect(encryptIdle(toPfn(start), end - start, unit, view, record)).toEqual([]);
        const isIdle = Array.from({ length: PAGES / unit }, (_, at) => {
          const first = at * unit;
          const isTouched = first < end && first + unit > start;
          return isTouched && !allocated.slice(first, first + unit).includes(true);
        });
        const runs = isIdle.flatMap((is, at) => {
          if (!is || isIdle[at - 1]) return [];
          const next = isIdle.indexOf(false, at);
          return [[at * unit, ((next < 0 ? isIdle.length : next) - at) * unit]];
        });
        expect(calls).toEqual(runs);
      }),
      { numRuns: 60 },
    );
  });

  it('tells of all runs that leaked', () => {
    const allocated = Array.from({ length: PAGES }, (_, page) => page === 9 || page === 17);
    const { view, record } = memoryOf([], allocated, ['leaked', 'converted', 'leaked']);
    expect(encryptIdle(toPfn(0), 32, 4, view, record)).toEqual([
      { start: 0, pages: 8 },
      { start: 20, pages: 12 },
    ]);
    const single = memoryOf([], allocated, ['leaked']);
    expect(encryptIdle(toPfn(9), 3, 1, single.view, single.record)).toEqual([{ start: 9, pages: 3 }]);
    expect(single.calls).toEqual([[9, 3]]);
  });
});

describe('the parameters of a conversion', () => {
  type Parameters = readonly (number | string)[];

  it.each<[string, (...parameters: Parameters) => Conversion, [string, Parameters][], Parameters[]]>([
    [
      'adaptive',
      adaptiveConversion,
      [
        ['adaptive:50', []],
        ['adaptive:1', [1]],
        ['adaptive:100', ['100']],
      ],
      [[0], [1.5], [101]],
    ],
    [
      'block',
      blocks,
      [
        ['block', []],
        ['block', [2]],
        ['block:4', ['4']],
      ],
      [[0], [1], [3], [5]],
    ],
    [
      'granule',
      granuleConversion,
      [
        ['granule:64', []],
        ['granule:8', [8]],
        ['granule:1024', ['1024']],
      ],
      [[4], [12], [2048]],
    ],
  ])('%s: those that it takes, and its name', (name, make, right, wrong) => {
    for (const [full, parameters] of right) expect(make(...parameters).name).toBe(full);
    for (const parameters of [...wrong, ['x'], [-8], [right[1][1][0], 1]]) {
      expect(() => make(...parameters)).toThrow(InputError);
      expect(() => make(...parameters)).toThrow(`conversion '${name}:${parameters.join(':')}'`);
    }
  });

  it('granule names the sizes that there are', () => {
    expect(() => granuleConversion(12)).toThrow('a power of two from 8 to 1024, as in granule:64');
  });

  it('block claims two blocks at a time if it is told so', () => {
    expect([blocks(), blocks(2), blocks(4)].map(({ claimPages }) => claimPages)).toEqual([
      undefined,
      undefined,
      1024,
    ]);
  });

  it('adaptive shares the rest of a block from its percent on, default: 50', () => {
    const leastUsed = (...parameters: number[]) => {
      const { sharesRest } = adaptiveConversion(...parameters);
      return Array.from({ length: 513 }, (_, used) => used).find((used) => sharesRest?.(used, 512));
    };
    expect([leastUsed(), leastUsed(1), leastUsed(25), leastUsed(100)]).toEqual([256, 6, 128, 512]);
  });

  it('a unit is as large as a granule of the host, if that is larger', () => {
    const platform = (granulePages: 1 | 16): Platform => ({ ...platformNamed('cca'), granulePages });
    const unitsOf = (conversion: Conversion) =>
      [1 as const, 16 as const].map((pages) => conversion.unitPages(platform(pages)));
    expect(unitsOf(adaptiveConversion())).toEqual([1, 16]);
    // 8 KiB and 256 KiB.
    expect(unitsOf(granuleConversion(8))).toEqual([2, 16]);
    expect(unitsOf(granuleConversion(256))).toEqual([64, 64]);
  });
});
