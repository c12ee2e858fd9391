/** Entries of the direct map: large ones that are split, contiguous bits that are cleared, and 2M mappings put back. */
import type { MappingLevel } from '../../memory-state.ts';
import { hasLargePages } from '../../platform.ts';
import { CONTIGUOUS_2M, contiguousBlocks, contiguousPages, SPLIT_2M } from '../layout.ts';
import { entryPagesAt, mappingLevelAt, markContiguous, wasSplit } from '../mapping.ts';
import { exposedPages } from './conversions.ts';
import { refuse, type Step } from './step.ts';

export function largePageSplit(step: Step): void {
  const { columns, row, editor, layout } = step;
  const { counters, geometry, mapping, platform } = editor;
  const { pagesPerBlock, blocksPerRegion } = geometry;
  if (!hasLargePages(platform)) refuse(step, `platform '${platform.name}' splits no large page`);
  const pfn = columns.pfn[row];
  const level = columns.code[row] as MappingLevel;
  const size = level === 3 ? pagesPerBlock * blocksPerRegion : pagesPerBlock;
  if (level !== 2 && level !== 3) refuse(step, `level ${level} is neither 2 (2M) nor 3 (1G)`);
  if (pfn % size !== 0 || pfn >= geometry.spanPages) {
    refuse(step, `no ${level === 3 ? '1G' : '2M'} page begins at page ${pfn}`);
  }
  const current = mappingLevelAt(editor, geometry, pfn);
  if (current !== level) refuse(step, `page ${pfn} is mapped at level ${current}, not ${level}`);
  const block = pfn / pagesPerBlock;
  const region = Math.floor(block / blocksPerRegion);
  if (level === 2 && entryPagesAt(editor, geometry, pfn) > pagesPerBlock) {
    refuse(step, `the 2M page at ${pfn} is part of a contiguous 32M`);
  }
  mapping.write(region);
  if (level === 3) {
    mapping.words[mapping.base + blocksPerRegion] = 0;
    if (platform.directMap === 'contiguous') markContiguous(mapping, geometry);
    counters.splits1G++;
    counters.mapped1GPages -= size;
    counters.mapped2MPages += size;
  } else {
    mapping.words[mapping.base + block - region * blocksPerRegion] = 1 | SPLIT_2M;
    if (platform.directMap === 'contiguous') {
      const { blocks } = editor;
      blocks.write(block);
      const runs = pagesPerBlock / contiguousPages(geometry);
      blocks.words[blocks.base + layout.contiguous] = runs === 32 ? 0xffffffff : 2 ** runs - 1;
    }
    counters.splits2M++;
    counters.mapped2MPages -= size;
    counters.mapped4KPages += size;
  }
  counters.pageTablePages++;
  // On x86 each split ends in flush_tlb_all() under cpa_lock: __split_large_page(), arch/x86/mm/pat/set_memory.c.
  if (platform.flushesSplits !== false) counters.fullFlushes++;
}

/** The bit of a contiguous run is cleared; its entries stay. No page table is added. */
export function contiguousSplit(step: Step): void {
  const { columns, row, editor, layout } = step;
  const { blocks, counters, geometry, mapping, platform } = editor;
  if (platform.directMap !== 'contiguous')
    refuse(step, `platform '${platform.name}' has no contiguous entries`);
  const { pagesPerBlock, blocksPerRegion } = geometry;
  const pfn = columns.pfn[row];
  const is32M = columns.code[row] === 2;
  const size = is32M ? contiguousBlocks(geometry) * pagesPerBlock : contiguousPages(geometry);
  if (pfn % size !== 0 || pfn >= geometry.spanPages || entryPagesAt(editor, geometry, pfn) !== size) {
    refuse(step, `no contiguous ${is32M ? '32M' : '64K'} begins at page ${pfn}`);
  }
  const block = Math.floor(pfn / pagesPerBlock);
  if (is32M) {
    mapping.write(Math.floor(block / blocksPerRegion));
    const first = mapping.base + (block % blocksPerRegion);
    for (let at = first; at < first + contiguousBlocks(geometry); at++) mapping.words[at] &= ~CONTIGUOUS_2M;
    counters.splits32M++;
  } else {
    blocks.write(block);
    blocks.words[blocks.base + layout.contiguous] &= ~(1 << ((pfn % pagesPerBlock) / size));
    counters.splits64K++;
  }
  if (platform.flushesSplits !== false) counters.rangedFlushes++;
}

export function largePageRestored(step: Step): void {
  const { columns, row, editor, layout } = step;
  const { blocks, counters, geometry, mapping, platform } = editor;
  const { pagesPerBlock, blocksPerRegion } = geometry;
  const pfn = columns.pfn[row];
  if (!platform.restore || !hasLargePages(platform)) {
    refuse(step, `platform '${platform.name}' restores no large page`);
  }
  if (pfn % pagesPerBlock !== 0 || pfn >= geometry.spanPages)
    refuse(step, `no 2M page begins at page ${pfn}`);
  if (mappingLevelAt(editor, geometry, pfn) !== 1) refuse(step, `page ${pfn} is not mapped at level 1`);
  const block = pfn / pagesPerBlock;
  if (!wasSplit(editor, geometry, block)) {
    refuse(step, `the block at page ${pfn} began with 4K entries: it has no split to undo`);
  }
  blocks.read(block);
  if (exposedPages(step) > 0) refuse(step, `the block at page ${pfn} has pages not private`);
  const region = Math.floor(block / blocksPerRegion);
  mapping.write(region);
  mapping.words[mapping.base + block - region * blocksPerRegion] = 2;
  if (platform.directMap === 'contiguous') {
    blocks.write(block);
    blocks.words[blocks.base + layout.contiguous] = 0;
  }
  counters.restores2M++;
  counters.mapped4KPages -= pagesPerBlock;
  counters.mapped2MPages += pagesPerBlock;
  counters.pageTablePages--;
  counters.fullFlushes++;
}
