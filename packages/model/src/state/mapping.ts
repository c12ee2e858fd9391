import type { Geometry } from '../geometry.ts';
import type { MappingLevel, MappingRun } from '../memory-state.ts';
import type { Frame, StateTables } from './editor.ts';
import type { WordTable } from './word-table.ts';

/** Level of the direct-map entry that maps a page. */
export function mappingLevelAt(tables: StateTables, geometry: Geometry, page: number): MappingLevel {
  const block = Math.floor(page / geometry.pagesPerBlock);
  const region = Math.floor(block / geometry.blocksPerRegion);
  const { mapping } = tables;
  mapping.read(region);
  if (mapping.words[mapping.base + geometry.blocksPerRegion] === 1) return 3;
  return mapping.words[mapping.base + (block - region * geometry.blocksPerRegion)] as MappingLevel;
}

/**
 * Writes the starting levels into a fresh mapping table and returns the pages mapped at each level. A block that
 * runs of two levels share gets the smaller page size; only blocks without any RAM are holes. Where the platform maps
 * by pages only, every level is 4K, whatever the runs say.
 */
export function writeMapping(
  mapping: WordTable,
  { geometry, platform }: Frame,
  runs: readonly MappingRun[],
): [hole: number, level4K: number, level2M: number, level1G: number] {
  const { pagesPerBlock, blocksPerRegion } = geometry;
  const pages: [number, number, number, number] = [0, 0, 0, 0];
  for (const [start, count, recorded] of runs) {
    if (recorded === 0) continue;
    const level = platform.directMap === 'pages' ? 1 : recorded;
    pages[level] += count;
    const last = Math.ceil((start + count) / pagesPerBlock);
    for (let block = Math.floor(start / pagesPerBlock); block < last; block++) {
      const region = Math.floor(block / blocksPerRegion);
      mapping.write(region);
      const slot = mapping.base + (block - region * blocksPerRegion);
      const before = mapping.words[slot];
      const own = Math.min(level, 2);
      mapping.words[slot] = before === 0 ? own : Math.min(before, own);
      if (level === 3) mapping.words[mapping.base + blocksPerRegion] = 1;
    }
  }
  return pages;
}
