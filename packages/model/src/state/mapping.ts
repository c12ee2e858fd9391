import { type Geometry, regionCount } from '../geometry.ts';
import type { MappingLevel, MappingRun } from '../memory-state.ts';
import type { MutableCounters } from './counters.ts';
import type { Machine, StateTables } from './editor.ts';
import { blockLayout, CONTIGUOUS_2M, contiguousBlocks, contiguousPages, SPLIT_2M } from './layout.ts';
import type { WordTable } from './word-table.ts';

/** Level of the direct-map entry that maps a page. */
export function mappingLevelAt(tables: StateTables, geometry: Geometry, page: number): MappingLevel {
  const block = Math.floor(page / geometry.pagesPerBlock);
  const region = Math.floor(block / geometry.blocksPerRegion);
  const { mapping } = tables;
  mapping.read(region);
  if (mapping.words[mapping.base + geometry.blocksPerRegion] === 1) return 3;
  return (mapping.words[mapping.base + (block - region * geometry.blocksPerRegion)] & 3) as MappingLevel;
}

/** Whether the 2M entry of a block was split during the run and not restored since. */
export function wasSplit({ mapping }: StateTables, { blocksPerRegion }: Geometry, block: number): boolean {
  const region = Math.floor(block / blocksPerRegion);
  mapping.read(region);
  return (mapping.words[mapping.base + (block - region * blocksPerRegion)] & SPLIT_2M) !== 0;
}

/** Pages of the entry, or of the run of contiguous entries, that maps a page; 1 in a hole. */
export function entryPagesAt(tables: StateTables, geometry: Geometry, page: number): number {
  const { pagesPerBlock, blocksPerRegion } = geometry;
  const level = mappingLevelAt(tables, geometry, page);
  if (level === 3) return pagesPerBlock * blocksPerRegion;
  const block = Math.floor(page / pagesPerBlock);
  if (level === 2) {
    // The level has just been read, so the cursor is at the block's region.
    const { words, base } = tables.mapping;
    const isContiguous = (words[base + (block % blocksPerRegion)] & CONTIGUOUS_2M) !== 0;
    return isContiguous ? contiguousBlocks(geometry) * pagesPerBlock : pagesPerBlock;
  }
  tables.blocks.read(block);
  const mask = tables.blocks.words[tables.blocks.base + blockLayout(geometry).contiguous];
  const run = contiguousPages(geometry);
  return (mask >>> Math.floor((page - block * pagesPerBlock) / run)) & 1 ? run : 1;
}

/** Marks the 2M entries of whole aligned runs as contiguous, in the region that the cursor may write. */
export function markContiguous(mapping: WordTable, geometry: Geometry): void {
  const run = contiguousBlocks(geometry);
  if (run === 0) return;
  for (let first = 0; first < geometry.blocksPerRegion; first += run) {
    const from = mapping.base + first;
    let at = from;
    while (at < from + run && mapping.words[at] === 2) at++;
    if (at === from + run) for (at = from; at < from + run; at++) mapping.words[at] |= CONTIGUOUS_2M;
  }
}

/**
 * Writes the starting levels into a fresh mapping table, and counts the pages mapped at each. A block that runs of two levels
 * share gets the smaller page size; only blocks without any RAM are holes. If the platform maps by pages only, every level
 * is 4K. If it has contiguous entries, whole aligned runs of 2M are contiguous, and 4K entries are not: somebody split them.
 */
export function writeMapping(
  mapping: WordTable,
  { geometry, platform }: Machine,
  runs: readonly MappingRun[],
  counters: MutableCounters,
): void {
  const { pagesPerBlock, blocksPerRegion } = geometry;
  for (const [start, count, recorded] of runs) {
    if (recorded === 0) continue;
    const level = platform.directMap === 'pages' ? 1 : recorded;
    counters[MAPPED_PAGES[level]] += count;
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
  if (platform.directMap === 'contiguous') {
    for (let region = 0; region < regionCount(geometry); region++) {
      mapping.write(region);
      markContiguous(mapping, geometry);
    }
  }
}

const MAPPED_PAGES = { 1: 'mapped4KPages', 2: 'mapped2MPages', 3: 'mapped1GPages' } as const;
