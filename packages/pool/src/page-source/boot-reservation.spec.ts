import { type MemoryState, pfn, platformNamed, spanOf, x86Geometry } from '@decpool/model';
import { packChunks } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { aged } from './aged.ts';
import { bootPoolBytes, confidentialX86Bytes, sizesToTry, withBootPool } from './boot-reservation.ts';
import { freePagesAtStart } from './free-at-start.ts';
import { fragmented, freshBoot } from './profiles.ts';
import { countsOf, exactly, GIB, givenCounts, MIB, oneZone, sourceOf } from './testing.ts';

const [snp, cca] = [platformNamed('snp'), platformNamed('cca')];
const BLOCK = 512;
const geometryOf = (memory: MemoryState) => x86Geometry(spanOf(memory));
const withPool = (memory: MemoryState, seed = 1, bytes = bootPoolBytes(memory, snp)) =>
  withBootPool(memory, geometryOf(memory), seed, bytes);

describe('the size of the boot pool', () => {
  it('is 6 % of memory in a confidential x86 guest, from 64 MiB to 1 GiB, rounded up to a power of two', () => {
    const sizes = [256, 1066, 2048, 4096, 16 * 1024, 64 * 1024].map(
      (size) => bootPoolBytes(freshBoot(size * MIB), snp) / MIB,
    );
    expect(sizes).toEqual([64, 64, 128, 256, 1024, 1024]);
  });

  it('is 64 MiB elsewhere: on Arm, and where nothing is confidential', () => {
    for (const name of ['cca', 'cca-bbml3', 'pkvm', 'none'] as const) {
      expect(bootPoolBytes(freshBoot(16 * GIB), platformNamed(name))).toBe(64 * MIB);
    }
    for (const name of ['tdx', 'hyperv-vtom'] as const) {
      expect(bootPoolBytes(freshBoot(16 * GIB), platformNamed(name))).toBeGreaterThan(64 * MIB);
    }
  });
});

it('one page more than 6 % of which are a power of two doubles the pool', () => {
  // 6 % of 546,133 pages are just below 128 MiB.
  expect([546_133, 546_134].map((pages) => confidentialX86Bytes(pages) / MIB)).toEqual([128, 256]);
  expect([1, 2 ** 28].map((pages) => confidentialX86Bytes(pages) / MIB)).toEqual([64, 1024]);
});

it('a kernel tries the whole pool, in whole blocks, then half of it, down to one block', () => {
  const blocks = (bytes: number, pagesPerBlock = 512) => sizesToTry(bytes, { pagesPerBlock });
  expect(blocks(64 * MIB)).toEqual([32, 16, 8, 4, 2, 1]);
  expect(blocks(13 * MIB)).toEqual([7, 3, 1]);
  expect(blocks(64 * MIB, 8192)).toEqual([2, 1]);
  expect(blocks(1)).toEqual([1]);
});

describe('made-up memory that has been used', () => {
  it.each([64, 98, 512, 4096, 16384])(
    'of %i MiB has its boot reservation where the kernel makes it, and nothing free there',
    (size) => {
      for (const memory of [
        aged(size * MIB, 2),
        fragmented(size * MIB, 1, 2),
        fragmented(size * MIB, 0, 2),
      ]) {
        const { reserved = [0, 0] } = memory;
        const below4GiB = Math.min((size * MIB) / 4096, (3 * GIB) / 4096);
        expect(reserved[0] + reserved[1]).toBe(below4GiB);
        const free = freePagesAtStart(memory, geometryOf(memory), 1);
        expect(free.slice(reserved[0] / BLOCK, below4GiB / BLOCK).every((pages) => pages === 0)).toBe(true);
        const source = sourceOf(memory);
        expect([source.dropped, source.misplaced]).toEqual([0, 0]);
        expect(countsOf(source, memory)).toEqual(givenCounts(memory));
      }
    },
  );

  it('has room for the boot pool of every platform, in one range at the end', () => {
    const memory = aged(4 * GIB, 1);
    for (const platform of [snp, cca]) {
      const bytes = bootPoolBytes(memory, platform);
      expect(withPool(memory, 1, bytes)).toBe(memory);
      const start = sourceOf(memory).claimContiguous(bytes / 4096 / BLOCK);
      expect(start + bytes / 4096).toBe((3 * GIB) / 4096);
    }
  });

  it('has as much free beside it as without it', () => {
    const source = sourceOf(aged(4 * GIB, 1));
    const before = source.freePages;
    expect(source.claimContiguous(123)).toBeGreaterThan(0);
    expect(source.freePages).toBe(before);
  });
});

describe('other memory', () => {
  it('has the boot pool in the highest free range, if one is long enough', () => {
    const memory = freshBoot(4 * GIB);
    expect(withPool(memory)).toBe(memory);
    const source = sourceOf(memory);
    const before = source.freePages;
    expect(source.claimContiguous(123) + 123 * BLOCK).toBe((3 * GIB) / 4096);
    expect(source.freePages).toBe(before - 123 * BLOCK);
  });

  /** As recorded: with counts, and nothing said of a reservation. */
  const recorded = ({ reserved: _, ...memory }: MemoryState): MemoryState => memory;

  it('has it in memory in use, if no free range is long enough: the free chunks of counts are placed around it', () => {
    const memory = recorded(aged(4 * GIB, 1));
    const { reserved = [0, 0], ...rest } = withPool(memory);
    expect(rest).toEqual(memory);
    expect(reserved).toEqual([(3 * GIB) / 4096 - 128 * BLOCK, 128 * BLOCK]);
    const source = sourceOf({ ...memory, reserved });
    expect(countsOf(source, memory)).toEqual(givenCounts(memory));
    expect(source.claimContiguous(128)).toBe(reserved[0]);
  });

  it('has half of it, or a quarter, if there is no room for more', () => {
    // Eight blocks, and a block holds eight such chunks without merging two.
    const memory = oneZone({ Unmovable: { 5: 40 } });
    expect(withPool(memory, 1, 8 * BLOCK * 4096).reserved?.[1]).toBe(2 * BLOCK);
  });

  it('has none, if every block is partly free', () => {
    const memory = oneZone({ Unmovable: { 8: 8, 7: 8, 6: 8 } });
    expect(withPool(memory, 1, 8 * BLOCK * 4096)).toBe(memory);
    expect(sourceOf(memory).claimContiguous(1)).toBe(-1);
  });
});

describe('memory that is exactly known', () => {
  const page = (...pages: number[]) => [[0, 'Movable', packChunks(pages)] as const];
  const pool = (memory: MemoryState, blocks: number) => withPool(memory, 1, blocks * BLOCK * 4096);

  it('has the boot pool in the highest range without a free page in any list, per-CPU lists included', () => {
    // Pageblocks 0, 2 and 4 have a free page, 7 has one of CPU 1.
    const memory = exactly(8, page(3, 2 * BLOCK, 4 * BLOCK + 511), [[], [[0, `${7 * BLOCK}`]]]);
    for (const blocks of [2, 4, 5]) expect(pool(memory, blocks).reserved).toEqual([5 * BLOCK, 2 * BLOCK]);
    // A half of three is one.
    for (const blocks of [1, 3])
      expect(pool(memory, blocks)).toEqual({ ...memory, reserved: [6 * BLOCK, BLOCK] });
  });

  it('has it in the first pageblock if that is the only one', () => {
    const [first, second] = [exactly(2, page(BLOCK)), exactly(2, [[9, 'Movable', '0'], ...page(BLOCK)])];
    expect(pool(first, 1).reserved).toEqual([0, BLOCK]);
    // It is free, so that nothing need be reserved.
    expect(pool(second, 1)).toBe(second);
    expect(sourceOf(second).claimContiguous(1)).toBe(0);
  });

  it('keeps a reservation that it has', () => {
    const memory: MemoryState = { ...exactly(4, page(BLOCK)), reserved: [0, BLOCK] };
    expect(pool(memory, 2)).toBe(memory);
  });
});

it('pages of a boot pool that could not be shared are freed, and can be claimed', () => {
  const memory = aged(256 * MIB, 1);
  const source = sourceOf(memory);
  const before = source.freePages;
  const start = source.claimContiguous(4);
  for (let block = 0; block < 4; block++) source.giveBack(pfn(start + block * BLOCK), 9);
  expect(source.freePages).toBe(before + 4 * BLOCK);
});
