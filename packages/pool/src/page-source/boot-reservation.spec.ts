import { type MemoryState, pfn, platformNamed, spanOf, x86Geometry } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { aged } from './aged.ts';
import { bootPoolBytes, withBootPool } from './boot-reservation.ts';
import { freePagesAtStart } from './free-at-start.ts';
import { fragmented, freshBoot } from './profiles.ts';
import { countsOf, GIB, givenCounts, MIB, oneZone, sourceOf } from './testing.ts';

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

it('pages of a boot pool that could not be shared are freed, and can be claimed', () => {
  const memory = aged(256 * MIB, 1);
  const source = sourceOf(memory);
  const before = source.freePages;
  const start = source.claimContiguous(4);
  for (let block = 0; block < 4; block++) source.giveBack(pfn(start + block * BLOCK), 9);
  expect(source.freePages).toBe(before + 4 * BLOCK);
});
