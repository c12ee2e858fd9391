/** set_memory_decrypted() and set_memory_encrypted(): what they need, what they change and what they cost. */
import { type BoundaryMap, type MappedRange, splitAtBoundaries, splitForChange } from '../../direct-map.ts';
import { AREA_CALL } from '../../events/schema.ts';
import type { MappingLevel } from '../../memory-state.ts';
import {
  DIRECTIONS,
  type Direction,
  flushCount,
  flushesFor,
  hostCallsByPage,
  hostCallsFor,
} from '../../platform.ts';
import type { Pfn } from '../../units.ts';
import { BITMAP } from '../layout.ts';
import { entryPagesAt, mappingLevelAt } from '../mapping.ts';
import { bitAt, fillBits, firstDisagreement } from '../ranges.ts';
import {
  ALLOCATED,
  CLAIMED,
  expectPages,
  expectRange,
  LEAKED,
  refuse,
  SHARED,
  type Step,
  UNKNOWN,
} from './step.ts';

/** One contiguous range was converted. */
export function pagesConverted(step: Step, direction: Direction): void {
  const { columns, row, editor } = step;
  const { counters } = editor;
  const pfn = columns.pfn[row];
  const pages = columns.pages[row];
  expectConvertible(step, direction);
  changeSharing(step, direction === 'decrypt' ? 'shared' : 'private');
  counters.conversions++;
  counters.convertedPages += pages;
  counters.mappingChanges += entriesIn(step, pfn, pages);
  if (direction === 'decrypt') counters.zeroedPages += pages;
  countAttempt(step, direction);
}

/** One run of a call on a vmalloc address was converted; the call is counted with its first run. */
export function vmAreaConverted(step: Step, direction: Direction): void {
  const { columns, row, editor } = step;
  const { counters } = editor;
  const pages = columns.pages[row];
  expectVmArea(step, direction);
  changeSharing(step, direction === 'decrypt' ? 'shared' : 'private');
  if (columns.bytes[row] === 0) counters.conversions++;
  counters.convertedPages += pages;
  counters.mappingChanges += pages;
  if (direction === 'decrypt') counters.zeroedPages += pages;
  countVmAreaAttempt(step, direction);
}

/** A failed call on a vmalloc address is one failure, in as many rows as the area has runs. */
export function conversionFailed(step: Step): void {
  const { columns, row, editor } = step;
  const code = columns.code[row];
  const direction = DIRECTIONS[code & 1];
  const isAreaCall = (code & AREA_CALL) !== 0;
  if (isAreaCall) expectVmArea(step, direction);
  else expectConvertible(step, direction);
  changeSharing(step, 'unknown');
  if (!isAreaCall || columns.bytes[row] === 0) editor.counters.failedConversions++;
  if (isAreaCall) countVmAreaAttempt(step, direction);
  else countAttempt(step, direction);
}

/** A range can be shared if all of it is private, and made private if no page of it is; a retry encrypts unknown pages. */
function expectConvertible(step: Step, direction: Direction): void {
  const { columns, row, walk } = step;
  const { geometry, platform } = step.editor;
  const start = columns.pfn[row] as Pfn;
  const pages = columns.pages[row];
  if (!platform.confidential) refuse(step, `on platform '${platform.name}' a conversion is a no-op`);
  expectRange(step);
  if (start % platform.granulePages !== 0 || pages % platform.granulePages !== 0) {
    refuse(step, `the host converts whole granules of ${platform.granulePages} pages`);
  }
  if (direction === 'decrypt') {
    expectPages(step, CLAIMED, SHARED | UNKNOWN | LEAKED);
  } else {
    expectPages(step, CLAIMED, ALLOCATED | LEAKED);
    expectNotPrivate(step);
  }
  // The large pages that this conversion cannot keep must have been split by events before it.
  walk.isDecrypting = direction === 'decrypt';
  if (platform.directMap === 'split') splitForChange(geometry, walk, start, pages);
  else if (platform.directMap === 'contiguous') splitAtBoundaries(geometry, walk, start, pages);
}

function expectNotPrivate(step: Step): void {
  const { columns, row, editor, layout } = step;
  const end = columns.pfn[row] + columns.pages[row];
  for (let page = columns.pfn[row]; page < end; page++) {
    page = firstDisagreement(editor, layout, BITMAP.shared, page, end - page, true);
    if (page < 0) return;
    if (!bitAt(editor, layout, BITMAP.unknown, page)) refuse(step, `page ${page} is already private`);
  }
}

/** A conversion by vmalloc address changes the direct map page by page: every entry must be of 4K by then. */
function expectVmArea(step: Step, direction: Direction): void {
  const { columns, row, editor } = step;
  const { platform, geometry } = editor;
  if (platform.vmallocAddress !== 'converted') {
    refuse(step, `platform '${platform.name}' converts nothing by its vmalloc address`);
  }
  expectConvertible(step, direction);
  const end = columns.pfn[row] + columns.pages[row];
  for (let at = columns.pfn[row]; at < end; at += geometry.pagesPerBlock - (at % geometry.pagesPerBlock)) {
    const level = mappingLevelAt(editor, geometry, at);
    if (level > 1) refuse(step, `page ${at} is mapped at level ${level}: not split before`);
  }
}

/** The walk over the direct map that refuses a conversion across a large entry. */
export class ConversionWalk implements MappedRange, BoundaryMap {
  readonly #step: Step;
  isDecrypting = false;

  constructor(step: Step) {
    this.#step = step;
  }

  levelAt(pfn: Pfn): MappingLevel {
    const { editor } = this.#step;
    return mappingLevelAt(editor, editor.geometry, pfn);
  }

  isUnchanged(pfn: Pfn): boolean {
    const { editor, layout } = this.#step;
    return this.isDecrypting ? bitAt(editor, layout, BITMAP.shared, pfn) : !isExposed(this.#step, pfn);
  }

  split(base: Pfn, level: 2 | 3): void {
    refuse(this.#step, `the ${level === 3 ? '1G' : '2M'} page at ${base} was not split before`);
  }

  entryPagesAt(pfn: Pfn): number {
    const { editor } = this.#step;
    return entryPagesAt(editor, editor.geometry, pfn);
  }

  splitEntry(base: Pfn, pages: number): void {
    refuse(this.#step, `the entry for the ${pages} pages at ${base} was not split before`);
  }
}

/**
 * Makes the row's range shared, private or unknown, and keeps the counts of shared, touched and mixed blocks and of borders.
 * Either all or none of its pages were private before.
 */
function changeSharing(step: Step, to: 'shared' | 'private' | 'unknown'): void {
  const { columns, row, editor, layout } = step;
  const { blocks, counters, geometry } = editor;
  const { pagesPerBlock } = geometry;
  const start = columns.pfn[row];
  const end = start + columns.pages[row];
  const wasExposed = isExposed(step, start);
  const exposes = to !== 'private';
  for (let at = start; at < end; ) {
    const from = at & (pagesPerBlock - 1);
    const until = Math.min(from + end - at, pagesPerBlock);
    blocks.write(at >>> layout.blockShift);
    const before = exposedPages(step);
    counters.sharedPages += fillBits(blocks, layout, BITMAP.shared, from, until, to === 'shared');
    if (to === 'unknown' || blocks.words[blocks.base + layout.counts + BITMAP.unknown] > 0) {
      counters.unknownPages += fillBits(blocks, layout, BITMAP.unknown, from, until, to === 'unknown');
    }
    const after = exposedPages(step);
    counters.sharedBlocks += Number(after > 0) - Number(before > 0);
    counters.mixedBlocks +=
      Number(after > 0 && after < pagesPerBlock) - Number(before > 0 && before < pagesPerBlock);
    const touched = blocks.base + layout.touched;
    if (after > 0 && blocks.words[touched] === 0) {
      blocks.words[touched] = 1;
      counters.touchedBlocks++;
    }
    at += until - from;
  }
  if (wasExposed !== exposes) counters.borders += bordersAt(step, start, end) * (exposes ? 1 : -1);
}

/** Shared and unknown pages of the block that the cursor is at. */
export function exposedPages({ editor, layout }: Step): number {
  const { words, base } = editor.blocks;
  const counts = base + layout.counts;
  return words[counts + BITMAP.shared] + words[counts + BITMAP.unknown];
}

/**
 * How many borders more a range [start, end) has if it is exposed than if it is private: the page before it is one if it is
 * private, and the last page is one no longer if the page after it is exposed.
 */
function bordersAt(step: Step, start: number, end: number): number {
  const { editor } = step;
  const isMappedBefore = start > 0 && mappingLevelAt(editor, editor.geometry, start - 1) !== 0;
  const left = isMappedBefore && !isExposed(step, start - 1);
  const right = end < editor.geometry.spanPages && isExposed(step, end);
  return Number(left) - Number(right);
}

const isExposed = ({ editor, layout }: Step, page: number): boolean =>
  bitAt(editor, layout, BITMAP.shared, page) || bitAt(editor, layout, BITMAP.unknown, page);

/** What a conversion costs whether or not the host does it. */
function countAttempt({ columns, row, editor }: Step, direction: Direction): void {
  const { counters, geometry, platform } = editor;
  const pages = columns.pages[row];
  counters.pageTablePasses += platform.pageTablePasses;
  counters.hostCalls += hostCallsFor(platform, geometry, columns.pfn[row] as Pfn, pages);
  const flushes = flushesFor(platform, pages, direction);
  counters.fullFlushes += flushes.full;
  counters.rangedFlushes += flushes.ranged;
}

/**
 * As countAttempt(), for a run of a call on a vmalloc address. However small the area is, the call ends in a full flush
 * (change_page_attr_set_clr(), arch/x86/mm/pat/set_memory.c: cpa_flush() of an alias).
 */
function countVmAreaAttempt({ columns, row, editor }: Step, direction: Direction): void {
  const { counters, platform } = editor;
  const offset = columns.bytes[row];
  if (offset === 0) {
    counters.pageTablePasses += platform.pageTablePasses;
    counters.fullFlushes += flushCount(platform, direction);
  }
  counters.hostCalls += hostCallsByPage(platform, offset, columns.pages[row]);
}

/** Entries of the direct map, of any size, that a conversion of a range writes. */
function entriesIn({ editor }: Step, start: number, pages: number): number {
  const { geometry, platform } = editor;
  if (platform.directMap === 'untouched') return 0;
  const { pagesPerBlock, blocksPerRegion } = geometry;
  const end = start + pages;
  let entries = 0;
  for (let at = start; at < end; ) {
    const level = mappingLevelAt(editor, geometry, at);
    const size = level === 3 ? pagesPerBlock * blocksPerRegion : pagesPerBlock;
    const to = Math.min(end, at - (at % size) + size);
    entries += level > 1 ? 1 : to - at;
    at = to;
  }
  return entries;
}
