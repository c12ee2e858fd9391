import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError, InvariantError } from './errors.ts';
import {
  blockCount,
  checkGeometry,
  forEachBlock,
  overlapPages,
  regionCount,
  x86Geometry,
} from './geometry.ts';
import { spanOf } from './memory-state.ts';
import { orderFor, pagesFor } from './units.ts';

describe('a geometry', () => {
  it('of x86 has 4 KiB pages, 2 MiB blocks and 1 GiB regions, and is rounded up to whole blocks', () => {
    const geometry = x86Geometry(512 * 512 + 1);
    expect(geometry).toEqual({
      pageShift: 12,
      pagesPerBlock: 512,
      blocksPerRegion: 512,
      spanPages: 513 * 512,
    });
    expect(blockCount(geometry)).toBe(513);
    expect(regionCount(geometry)).toBe(2);
  });

  it('cannot be changed', () => {
    expect(() => Object.assign(x86Geometry(512), { spanPages: 1 })).toThrow(TypeError);
  });

  it.each([
    { pageShift: 11 },
    { pageShift: 12.5 },
    { pageShift: 17 },
    { pagesPerBlock: 16 },
    { pagesPerBlock: 500 },
    { pagesPerBlock: 16384 },
    { blocksPerRegion: 0 },
    { blocksPerRegion: 3 },
    { blocksPerRegion: 16384 },
    { blocksPerRegion: 1.5 },
    { pagesPerBlock: -32 },
    { spanPages: 0 },
    { spanPages: 513 },
    { spanPages: 2 ** 28 + 512 },
    { spanPages: -512 },
    { spanPages: 512.5 },
    { spanPages: Number.NaN },
  ])('is refused with %o', (wrong) => {
    const geometry = { ...x86Geometry(512), ...wrong };
    expect(() => checkGeometry(geometry)).toThrow(InputError);
    expect(() => checkGeometry(geometry)).toThrow(`${Object.keys(wrong)[0]} is ${Object.values(wrong)[0]}`);
  });
});

it.each([
  { pageShift: 12, pagesPerBlock: 32, blocksPerRegion: 1, spanPages: 32 },
  { pageShift: 16, pagesPerBlock: 8192, blocksPerRegion: 8192, spanPages: 2 ** 28 },
])('a geometry may be as small and as large as %o', (geometry) => {
  expect(checkGeometry(geometry)).toBe(geometry);
});

describe('a range of pages', () => {
  const range = fc.record({ start: fc.nat(200), pages: fc.nat(200) });
  /** Page by page. */
  const pagesOf = ({ start, pages }: { start: number; pages: number }) =>
    Array.from({ length: pages }, (_, index) => start + index);

  it('is visited block by block, each page of it once', () => {
    fc.assert(
      fc.property(range, ({ start, pages }) => {
        const visited: number[] = [];
        const blocks: number[] = [];
        forEachBlock(start, pages, 32, (block, inside, first) => {
          blocks.push(block);
          for (let page = first; page < first + inside; page++) visited.push(32 * block + page);
        });
        expect(visited).toEqual(pagesOf({ start, pages }));
        expect(blocks).toEqual([...new Set(visited.map((page) => Math.floor(page / 32)))]);
      }),
    );
  });

  it('overlaps another in the pages that both have', () => {
    fc.assert(
      fc.property(range, range, (one, other) => {
        const both = pagesOf(one).filter((page) => pagesOf(other).includes(page));
        const overlap = overlapPages(one.start, one.pages, other.start, other.start + other.pages);
        expect(overlap).toBe(both.length);
      }),
    );
  });
});

it.each([
  [0, 0],
  [1, 0],
  [2, 1],
  [3, 2],
  [4, 2],
  [5, 3],
  [512, 9],
  [513, 10],
  [2 ** 31, 31],
])('%i pages need order %i', (pages, order) => {
  expect(orderFor(pages)).toBe(order);
});

it('bytes are rounded up to whole pages', () => {
  expect([0, 1, 4096, 4097].map((bytes) => pagesFor(bytes, 12))).toEqual([0, 1, 1, 2]);
});

it('memory spans the page frames up to its highest RAM', () => {
  const zone = { name: 'x', free: {}, pageblocks: {} } as never as Parameters<typeof spanOf>[0]['zones'][0];
  const zones = [
    { ...zone, ram: [[1024, 512] as const] },
    { ...zone, ram: [[0, 512] as const] },
  ];
  expect(spanOf({ name: '', directMap: [], zones })).toBe(1536);
  expect(spanOf({ name: '', directMap: [], zones: [] })).toBe(0);
});

it('an invariant error is an input error: a log that cannot have happened is the mistake of who wrote it', () => {
  expect(new InvariantError('x')).toBeInstanceOf(InputError);
  expect(new InvariantError('x').name).toBe('InvariantError');
});
