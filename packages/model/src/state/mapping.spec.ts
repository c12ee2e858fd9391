import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkGeometry } from '../geometry.ts';
import type { MappingRun } from '../memory-state.ts';
import { platformNamed } from '../platforms/all.ts';
import { SMALL } from '../testing.ts';
import { zeroCounters } from './counters.ts';
import { blockLayout, leafWords, SPLIT_2M } from './layout.ts';
import { entryPagesAt, mappingLevelAt, markContiguous, wasSplit, writeMapping } from './mapping.ts';
import { DenseWords } from './word-table.ts';

const BLOCK = 32;
/** Regions of eight blocks, so that four of them can be a contiguous run. */
const REGION = 8;
const BLOCKS = 3 * REGION;
const geometry = checkGeometry({ ...SMALL, blocksPerRegion: REGION, spanPages: BLOCKS * BLOCK });

const tablesOf = (
  platform: Parameters<typeof platformNamed>[0],
  runs: readonly MappingRun[],
  of = geometry,
) => {
  const words = leafWords(of);
  const mapping = new DenseWords(words.mapping);
  const blocks = new DenseWords(words.blocks);
  const counters = zeroCounters();
  writeMapping(mapping, { geometry: of, platform: platformNamed(platform) }, runs, counters);
  return { tables: { mapping, blocks, allocations: blocks, extents: blocks, slabs: blocks }, counters };
};

/** Runs one after the other, of any level; they begin and end anywhere. A 1G run is a whole region. */
const maps = fc
  .array(
    fc.record({
      kind: fc.constantFrom('run', 'run', 'region'),
      pages: fc.oneof(fc.constantFrom(BLOCK, 4 * BLOCK, 8 * BLOCK), fc.integer({ min: 1, max: 300 })),
      level: fc.constantFrom<0 | 1 | 2>(0, 1, 2, 2, 2),
    }),
    { maxLength: 8 },
  )
  .map((parts) => {
    const runs: MappingRun[] = [];
    let at = 0;
    const regionPages = REGION * BLOCK;
    for (const { kind, pages, level } of parts) {
      const start = kind === 'region' ? Math.ceil(at / regionPages) * regionPages : at;
      const count = kind === 'region' ? regionPages : Math.min(pages, BLOCKS * BLOCK - start);
      if (count <= 0 || start + count > BLOCKS * BLOCK) break;
      runs.push([start, count, kind === 'region' ? 3 : level]);
      at = start + count;
    }
    return runs;
  });

/** The levels that the runs give the pages of a block, without holes. */
const levelsIn = (runs: readonly MappingRun[], block: number) =>
  runs
    .filter(
      ([start, pages, level]) => level > 0 && start < (block + 1) * BLOCK && start + pages > block * BLOCK,
    )
    .map(([, , level]) => level);

describe('the direct map at the start, against the runs that it is made of', () => {
  it('maps each block at the lowest level of a run in it, and counts the pages of all runs', () => {
    fc.assert(
      fc.property(maps, fc.constantFrom('snp', 'cca-bbml3'), (runs, platform) => {
        const { tables, counters } = tablesOf(platform, runs);
        for (let block = 0; block < BLOCKS; block++) {
          const levels = levelsIn(runs, block);
          const expected = levels.length === 0 ? 0 : Math.min(...levels);
          for (const page of [0, BLOCK - 1])
            expect(mappingLevelAt(tables, geometry, block * BLOCK + page)).toBe(expected);
          expect(wasSplit(tables, geometry, block)).toBe(false);
        }
        const pagesAt = (wanted: number) =>
          runs.reduce((sum, [, pages, level]) => sum + (level === wanted ? pages : 0), 0);
        expect([counters.mapped4KPages, counters.mapped2MPages, counters.mapped1GPages]).toEqual(
          [1, 2, 3].map(pagesAt),
        );
      }),
    );
  });

  it('is of pages only if the platform maps by pages', () => {
    const { tables, counters } = tablesOf('cca', [
      [0, 8 * BLOCK, 3],
      [8 * BLOCK, BLOCK, 2],
    ]);
    expect([0, 8 * BLOCK, 9 * BLOCK].map((page) => mappingLevelAt(tables, geometry, page))).toEqual([
      1, 1, 0,
    ]);
    expect([counters.mapped4KPages, counters.mapped2MPages, counters.mapped1GPages]).toEqual([
      9 * BLOCK,
      0,
      0,
    ]);
  });

  it('has entries of a page, a block, a region, or an aligned run of four 2M entries if entries can be contiguous', () => {
    fc.assert(
      fc.property(maps, fc.boolean(), (runs, isContiguous) => {
        const { tables } = tablesOf(isContiguous ? 'cca-bbml3' : 'snp', runs);
        const levelOf = (block: number) => Math.min(...levelsIn(runs, block), 9);
        for (let block = 0; block < BLOCKS; block++) {
          const first = block - (block % 4);
          const isRun = isContiguous && [0, 1, 2, 3].every((each) => levelOf(first + each) === 2);
          const expected = { 1: 1, 2: isRun ? 4 * BLOCK : BLOCK, 3: REGION * BLOCK, 9: 1 }[levelOf(block)];
          expect(entryPagesAt(tables, geometry, block * BLOCK + 5)).toBe(expected);
        }
      }),
    );
  });
});

it('contiguous runs are at most 16 entries, half a region, and none in a region of less than four blocks', () => {
  const entriesAt = (blocksPerRegion: number) => {
    const of = checkGeometry({ ...SMALL, blocksPerRegion, spanPages: blocksPerRegion * BLOCK });
    const { tables } = tablesOf('cca-bbml3', [[0, of.spanPages, 2]], of);
    return entryPagesAt(tables, of, of.spanPages - 1) / BLOCK;
  };
  expect([1, 2, 4, 8, 32, 64].map(entriesAt)).toEqual([1, 1, 2, 4, 16, 16]);
});

it('a run is contiguous only if all its entries are of 2M and none was split', () => {
  const { tables } = tablesOf('snp', [[0, 8 * BLOCK, 2]]);
  const { mapping } = tables;
  mapping.write(0);
  mapping.words[mapping.base + 6] = 1 | SPLIT_2M;
  markContiguous(mapping, geometry);
  expect([0, 3, 4, 5, 6, 7].map((block) => entryPagesAt(tables, geometry, block * BLOCK) / BLOCK)).toEqual([
    4,
    4,
    1,
    1,
    1 / BLOCK,
    1,
  ]);
  expect([5, 6, 7].map((block) => wasSplit(tables, geometry, block))).toEqual([false, true, false]);
  expect(mappingLevelAt(tables, geometry, 6 * BLOCK)).toBe(1);
});

it('a run of 16 contiguous 4K entries is an entry of 16 pages', () => {
  const { tables } = tablesOf('cca-bbml3', [[0, 2 * BLOCK, 1]]);
  const { blocks } = tables;
  blocks.write(1);
  blocks.words[blocks.base + blockLayout(geometry).contiguous] = 0b10;
  expect([15, 16, 31, 32, 47, 48, 63].map((page) => entryPagesAt(tables, geometry, page))).toEqual([
    1, 1, 1, 1, 1, 16, 16,
  ]);
});

it('blocks were split one by one, in whatever region', () => {
  const { tables } = tablesOf('snp', [[0, BLOCKS * BLOCK, 2]]);
  const { mapping } = tables;
  const split = [3, REGION, 2 * REGION + 5];
  for (const block of split) {
    mapping.write(Math.floor(block / REGION));
    mapping.words[mapping.base + (block % REGION)] = 1 | SPLIT_2M;
  }
  const blocks = Array.from({ length: BLOCKS }, (_, block) => block);
  expect(blocks.filter((block) => wasSplit(tables, geometry, block))).toEqual(split);
  expect(blocks.toReversed().filter((block) => wasSplit(tables, geometry, block))).toEqual(
    split.toReversed(),
  );
});
