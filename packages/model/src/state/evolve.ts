/**
 * The one reducer: folds an event into the state, whichever backend carries it.
 *
 * Each case first proves that the event can have happened (no page in two allocations, no unknown or leaked page
 * handed out, no conversion across a large page that was not split first, ...) and only then writes. So an event
 * that breaks a rule throws InvariantError and leaves the state as it was.
 */
import { type BoundaryMap, type MappedRange, splitAtBoundaries, splitForChange } from '../direct-map.ts';
import type { EventColumns } from '../events/columns.ts';
import { AREA_CALL, SKIPPED, TYPE } from '../events/schema.ts';
import type { MappingLevel } from '../memory-state.ts';
import {
  DIRECTIONS,
  type Direction,
  flushCount,
  flushesFor,
  hasLargePages,
  hostCallsByPage,
  hostCallsFor,
} from '../platform.ts';
import type { Pfn } from '../units.ts';
import type { Editor } from './editor.ts';
import {
  objectAllocated,
  objectFreed,
  slabCreated,
  slabDestroyed,
  userMappingChanged,
  vmAreaChanged,
} from './evolve-objects.ts';
import {
  ALLOCATION,
  AREA_MAPPED,
  BITMAP,
  type BlockLayout,
  blockLayout,
  CONTIGUOUS_2M,
  contiguousBlocks,
  contiguousPages,
  EXTENT,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  EXTENTS_SHIFT,
  SPLIT_2M,
  STATUS,
} from './layout.ts';
import { entryPagesAt, mappingLevelAt, markContiguous, wasSplit } from './mapping.ts';
import { type Bitmap, type BitmapName, bitAt, fillBits, firstDisagreement, holds, setOf } from './ranges.ts';
import {
  endLife,
  expectKnownAllocation,
  isMapped,
  readRecord,
  refuse,
  writeExtent,
  writeRecord,
} from './records.ts';

const NOTHING = 0;
const CLAIMED = setOf('claimed');
const SHARED = setOf('shared');
const UNKNOWN = setOf('unknown');
const ALLOCATED = setOf('allocated');
const LEAKED = setOf('leaked');

/** What is wrong with a page whose bit is missing, or set though it must not be. */
const PROBLEMS: Readonly<Record<BitmapName, readonly [missing: string, forbidden: string]>> = {
  claimed: ['is not claimed', 'is already claimed'],
  allocated: ['is not allocated', 'is in an allocation'],
  unknown: ['is not in an unknown state', 'is in an unknown state'],
  leaked: ['was not leaked', 'was leaked'],
  shared: ['is private', 'is shared'],
};

/** Folds rows into the state of one editor. Holds no state of its own but what the geometry fixes. */
export class Evolver implements MappedRange, BoundaryMap {
  readonly #editor: Editor;
  readonly #layout: BlockLayout;
  /** The conversion whose range is being walked. Fields, so that no closure is made for every conversion. */
  #converted: EventColumns | undefined;
  #convertedRow = 0;
  #isDecrypting = false;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#layout = blockLayout(editor.geometry);
  }

  levelAt(pfn: Pfn): MappingLevel {
    return mappingLevelAt(this.#editor, this.#editor.geometry, pfn);
  }

  isUnchanged(pfn: Pfn): boolean {
    return this.#isDecrypting ? bitAt(this.#editor, this.#layout, BITMAP.shared, pfn) : !this.#isExposed(pfn);
  }

  /** The walk finds a large page that this conversion cannot keep: its split should have come before. */
  split(base: Pfn, level: 2 | 3): void {
    if (this.#converted === undefined) return;
    const size = level === 3 ? '1G' : '2M';
    this.#refuse(this.#converted, this.#convertedRow, `the ${size} page at ${base} was not split before`);
  }

  entryPagesAt(pfn: Pfn): number {
    return entryPagesAt(this.#editor, this.#editor.geometry, pfn);
  }

  /** As split(), where an end of the range lies inside an entry. */
  splitEntry(base: Pfn, pages: number): void {
    if (this.#converted === undefined) return;
    const why = `the entry for the ${pages} pages at ${base} was not split before`;
    this.#refuse(this.#converted, this.#convertedRow, why);
  }

  /** Folds one row. Throws InvariantError, with the state unchanged, when the event cannot have happened. */
  evolve(columns: EventColumns, row: number): void {
    const { counters } = this.#editor;
    const time = columns.time[row];
    if (!(time >= counters.time)) {
      this.#refuse(columns, row, `time goes back from ${counters.time} ns to ${time} ns`);
    }
    if (!Number.isSafeInteger(time)) this.#refuse(columns, row, `its time is ${time}, not whole ns`);
    const pfn = columns.pfn[row];
    const pages = columns.pages[row];
    switch (columns.type[row]) {
      case TYPE.ownerRegistered:
        this.#ownerRegistered(columns, row);
        break;
      case TYPE.allocationRequested:
        this.#allocationRequested(columns, row);
        break;
      case TYPE.freeRequested:
        this.#freeRequested(columns, row);
        break;
      case TYPE.pagesClaimed:
        this.#expectRange(columns, row);
        this.#expectRam(columns, row);
        this.#expectPages(columns, row, NOTHING, CLAIMED);
        this.#fill(pfn, pages, BITMAP.claimed, true);
        counters.claimedPages += pages;
        break;
      case TYPE.pagesReturned:
        this.#expectRange(columns, row);
        this.#expectPages(columns, row, CLAIMED, ALLOCATED | SHARED | UNKNOWN | LEAKED);
        this.#fill(pfn, pages, BITMAP.claimed, false);
        counters.claimedPages -= pages;
        break;
      case TYPE.largePageSplit:
        this.#largePageSplit(columns, row);
        break;
      case TYPE.largePageRestored:
        this.#largePageRestored(columns, row);
        break;
      case TYPE.pagesDecrypted:
        this.#expectConvertible(columns, row, 'decrypt');
        this.#change(pfn, pages, 'shared');
        this.#countConversion(pfn, pages, 'decrypt');
        break;
      case TYPE.vmAreaDecrypted:
        this.#expectVmArea(columns, row, 'decrypt');
        this.#change(pfn, pages, 'shared');
        this.#countVmArea(pages, columns.bytes[row], 'decrypt');
        break;
      case TYPE.vmAreaEncrypted:
        this.#expectVmArea(columns, row, 'encrypt');
        this.#change(pfn, pages, 'private');
        this.#countVmArea(pages, columns.bytes[row], 'encrypt');
        break;
      case TYPE.pagesEncrypted:
        this.#expectConvertible(columns, row, 'encrypt');
        this.#change(pfn, pages, 'private');
        this.#countConversion(pfn, pages, 'encrypt');
        break;
      case TYPE.conversionFailed:
        this.#conversionFailed(columns, row);
        break;
      case TYPE.pagesAllocated:
        this.#pagesAllocated(columns, row);
        break;
      case TYPE.pagesFreed:
        this.#pagesFreed(columns, row);
        break;
      case TYPE.allocationFailed:
        this.#allocationFailed(columns, row);
        break;
      case TYPE.pagesLeaked:
        this.#expectRange(columns, row);
        this.#expectPages(columns, row, CLAIMED | UNKNOWN, ALLOCATED | LEAKED);
        if (columns.owner[row] >= counters.owners) {
          this.#refuse(columns, row, `owner ${columns.owner[row]} was never registered`);
        }
        this.#fill(pfn, pages, BITMAP.leaked, true);
        counters.leakedPages += pages;
        break;
      case TYPE.slabCreated:
        this.#slabCreated(columns, row);
        break;
      case TYPE.slabDestroyed:
        slabDestroyed(this.#editor, columns, row);
        break;
      case TYPE.objectAllocated:
        objectAllocated(this.#editor, columns, row);
        break;
      case TYPE.objectFreed:
        objectFreed(this.#editor, columns, row);
        break;
      case TYPE.vmAreaMapped:
        vmAreaChanged(this.#editor, columns, row, true);
        break;
      case TYPE.vmAreaUnmapped:
        vmAreaChanged(this.#editor, columns, row, false);
        break;
      case TYPE.contiguousSplit:
        this.#contiguousSplit(columns, row);
        break;
      case TYPE.userMapped:
      case TYPE.userUnmapped:
        this.#nextRequest(columns, row);
        userMappingChanged(this.#editor, columns, row, columns.type[row] === TYPE.userMapped);
        break;
      case TYPE.backgroundAllocated:
      case TYPE.backgroundFreed:
        this.#backgroundChanged(columns, row);
        break;
      case TYPE.reserveRefilled:
        counters.refills++;
        break;
      case TYPE.blockCompacted:
        this.#expectRange(columns, row);
        counters.compactions++;
        counters.movedPages += pages;
        break;
      case TYPE.requestSkipped:
        this.#requestSkipped(columns, row);
        break;
      case TYPE.backgroundFailed:
        break;
      default:
        this.#refuse(columns, row, 'there is no event type with this code');
    }
    counters.events++;
    counters.time = time;
  }

  #refuse(columns: EventColumns, row: number, why: string): never {
    refuse(this.#editor, columns, row, why);
  }

  #expectRange(columns: EventColumns, row: number): void {
    const { geometry } = this.#editor;
    const pfn = columns.pfn[row];
    const pages = columns.pages[row];
    if (pages === 0 || pfn + pages > geometry.spanPages) {
      this.#refuse(columns, row, `pages ${pfn}..${pfn + pages} are not inside 0..${geometry.spanPages}`);
    }
  }

  /** Asked of claims only: what is not claimed is refused elsewhere, and no page of a hole is ever claimed. */
  #expectRam(columns: EventColumns, row: number): void {
    const { pagesPerBlock } = this.#editor.geometry;
    const end = columns.pfn[row] + columns.pages[row];
    for (let page = columns.pfn[row]; page < end; page += pagesPerBlock - (page % pagesPerBlock)) {
      if (!this.#isMapped(page)) this.#refuse(columns, row, `page ${page} is in a hole of physical memory`);
    }
  }

  /** Every page of the row must have all bits of `required` and none of `forbidden`. */
  #expectPages(columns: EventColumns, row: number, required: number, forbidden: number): void {
    const { pfn, pages } = columns;
    if (holds(this.#editor, this.#layout, pfn[row], pages[row], required, forbidden)) return;
    for (const bitmap of Object.keys(PROBLEMS) as BitmapName[]) {
      const bit = setOf(bitmap);
      if (((required | forbidden) & bit) === 0) continue;
      const isRequired = (required & bit) !== 0;
      const wrong = firstDisagreement(
        this.#editor,
        this.#layout,
        BITMAP[bitmap],
        pfn[row],
        pages[row],
        isRequired,
      );
      if (wrong >= 0) this.#refuse(columns, row, `page ${wrong} ${PROBLEMS[bitmap][isRequired ? 0 : 1]}`);
    }
  }

  /**
   * A range can be made shared when it is private throughout, and private when no page of it is: also an unknown
   * page may be encrypted, which is a retry.
   */
  #expectConvertible(columns: EventColumns, row: number, direction: Direction): void {
    if (!this.#editor.platform.confidential) {
      this.#refuse(columns, row, `on platform '${this.#editor.platform.name}' a conversion is a no-op`);
    }
    this.#expectRange(columns, row);
    this.#expectGranules(columns, row);
    if (direction === 'decrypt') {
      this.#expectPages(columns, row, CLAIMED, SHARED | UNKNOWN | LEAKED);
    } else {
      this.#expectPages(columns, row, CLAIMED, ALLOCATED | LEAKED);
      this.#expectNotPrivate(columns, row);
    }
    this.#expectSplit(columns, row, direction);
  }

  #expectGranules(columns: EventColumns, row: number): void {
    const { granulePages } = this.#editor.platform;
    if (columns.pfn[row] % granulePages === 0 && columns.pages[row] % granulePages === 0) return;
    this.#refuse(columns, row, `the host converts whole granules of ${granulePages} pages`);
  }

  /** A conversion by vmalloc address changes the direct map page by page: every entry must be of 4K by then. */
  #expectVmArea(columns: EventColumns, row: number, direction: Direction): void {
    const { platform, geometry } = this.#editor;
    if (platform.vmallocAddress !== 'converted') {
      this.#refuse(columns, row, `platform '${platform.name}' converts nothing by its vmalloc address`);
    }
    this.#expectConvertible(columns, row, direction);
    const end = columns.pfn[row] + columns.pages[row];
    for (let at = columns.pfn[row]; at < end; at += geometry.pagesPerBlock - (at % geometry.pagesPerBlock)) {
      const level = mappingLevelAt(this.#editor, geometry, at);
      if (level > 1) this.#refuse(columns, row, `page ${at} is mapped at level ${level}: not split before`);
    }
  }

  /** Of an allocation's pages, or, where it names none, of shared pages that nobody has: those of a pool made at boot. */
  #slabCreated(columns: EventColumns, row: number): void {
    const isBootPool = columns.allocation[row] === 0;
    if (isBootPool) {
      const required = this.#editor.platform.confidential ? CLAIMED | SHARED : CLAIMED;
      this.#expectRange(columns, row);
      this.#expectPages(columns, row, required, ALLOCATED | UNKNOWN | LEAKED);
    }
    slabCreated(this.#editor, columns, row);
    if (isBootPool) this.#fill(columns.pfn[row], columns.pages[row], BITMAP.allocated, true);
  }

  #backgroundChanged(columns: EventColumns, row: number): void {
    const { counters } = this.#editor;
    this.#expectRange(columns, row);
    this.#expectRam(columns, row);
    this.#expectPages(columns, row, NOTHING, CLAIMED);
    const isFree = columns.type[row] === TYPE.backgroundFreed;
    if (isFree && counters.backgroundPages < columns.pages[row]) {
      this.#refuse(columns, row, `others hold ${counters.backgroundPages} pages only`);
    }
    counters.backgroundPages += isFree ? -columns.pages[row] : columns.pages[row];
  }

  #expectNotPrivate(columns: EventColumns, row: number): void {
    const end = columns.pfn[row] + columns.pages[row];
    for (let page = columns.pfn[row]; page < end; page++) {
      page = firstDisagreement(this.#editor, this.#layout, BITMAP.shared, page, end - page, true);
      if (page < 0) return;
      if (!bitAt(this.#editor, this.#layout, BITMAP.unknown, page)) {
        this.#refuse(columns, row, `page ${page} is already private`);
      }
    }
  }

  /** The large pages that this conversion cannot keep must have been split by events before it. */
  #expectSplit(columns: EventColumns, row: number, direction: Direction): void {
    const { directMap } = this.#editor.platform;
    if (directMap !== 'split' && directMap !== 'contiguous') return;
    this.#isDecrypting = direction === 'decrypt';
    this.#converted = columns;
    this.#convertedRow = row;
    const start = columns.pfn[row] as Pfn;
    if (directMap === 'split') splitForChange(this.#editor.geometry, this, start, columns.pages[row]);
    else splitAtBoundaries(this.#editor.geometry, this, start, columns.pages[row]);
  }

  #fill(start: number, pages: number, bitmap: Bitmap, set: boolean): void {
    const { blocks, geometry } = this.#editor;
    const layout = this.#layout;
    const end = start + pages;
    for (let at = start; at < end; ) {
      const from = at & (geometry.pagesPerBlock - 1);
      const to = Math.min(from + end - at, geometry.pagesPerBlock);
      blocks.write(at >>> layout.blockShift);
      fillBits(blocks, layout, bitmap, from, to, set);
      at += to - from;
    }
  }

  /**
   * Makes a range shared, private or unknown, block by block with the block open for writing, and keeps the counts
   * of shared, touched and mixed blocks and of borders. Either all or none of its pages were private before.
   */
  #change(start: number, pages: number, to: 'shared' | 'private' | 'unknown'): void {
    const { blocks, counters, geometry } = this.#editor;
    const { pagesPerBlock } = geometry;
    const layout = this.#layout;
    const wasExposed = this.#isExposed(start);
    const isExposed = to !== 'private';
    const end = start + pages;
    for (let at = start; at < end; ) {
      const from = at & (pagesPerBlock - 1);
      const until = Math.min(from + end - at, pagesPerBlock);
      blocks.write(at >>> layout.blockShift);
      const before = this.#exposedPages();
      counters.sharedPages += fillBits(blocks, layout, BITMAP.shared, from, until, to === 'shared');
      if (to === 'unknown' || blocks.words[blocks.base + layout.counts + BITMAP.unknown] > 0) {
        counters.unknownPages += fillBits(blocks, layout, BITMAP.unknown, from, until, to === 'unknown');
      }
      const after = this.#exposedPages();
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
    if (wasExposed !== isExposed) counters.borders += this.#bordersAt(start, end) * (isExposed ? 1 : -1);
  }

  /** Shared and unknown pages of the block that the cursor is at. */
  #exposedPages(): number {
    const { words, base } = this.#editor.blocks;
    const counts = base + this.#layout.counts;
    return words[counts + BITMAP.shared] + words[counts + BITMAP.unknown];
  }

  /**
   * Borders that a range [start, end) has more while none of it is private than while all of it is. Inside there are
   * none either way. The page before it, if private, is a border then; the last of it is one otherwise, if the page
   * behind is not private.
   */
  #bordersAt(start: number, end: number): number {
    const { geometry } = this.#editor;
    const left = start > 0 && this.#isMapped(start - 1) && !this.#isExposed(start - 1);
    const right = end < geometry.spanPages && this.#isExposed(end);
    return Number(left) - Number(right);
  }

  #isExposed(page: number): boolean {
    return (
      bitAt(this.#editor, this.#layout, BITMAP.shared, page) ||
      bitAt(this.#editor, this.#layout, BITMAP.unknown, page)
    );
  }

  #isMapped(page: number): boolean {
    return mappingLevelAt(this.#editor, this.#editor.geometry, page) !== 0;
  }

  #countConversion(pfn: number, pages: number, direction: Direction): void {
    const { counters } = this.#editor;
    counters.conversions++;
    counters.convertedPages += pages;
    counters.mappingChanges += this.#entriesIn(pfn, pages);
    if (direction === 'decrypt') counters.zeroedPages += pages;
    this.#countAttempt(pfn, pages, direction);
  }

  /** What a conversion costs whether or not the host does it. */
  #countAttempt(pfn: number, pages: number, direction: Direction): void {
    const { counters, geometry, platform } = this.#editor;
    counters.pageTablePasses += platform.pageTablePasses;
    counters.hostCalls += hostCallsFor(platform, geometry, pfn as Pfn, pages);
    const flushes = flushesFor(platform, pages, direction);
    counters.fullFlushes += flushes.full;
    counters.rangedFlushes += flushes.ranged;
  }

  /** One run of a call on a vmalloc address; the call is counted with its first run. */
  #countVmArea(pages: number, offset: number, direction: Direction): void {
    const { counters } = this.#editor;
    if (offset === 0) counters.conversions++;
    counters.convertedPages += pages;
    counters.mappingChanges += pages;
    if (direction === 'decrypt') counters.zeroedPages += pages;
    this.#countVmAreaAttempt(pages, offset, direction);
  }

  /**
   * As #countAttempt(). However small the area is, the call ends in a full flush (change_page_attr_set_clr(),
   * arch/x86/mm/pat/set_memory.c: cpa_flush() of an alias).
   */
  #countVmAreaAttempt(pages: number, offset: number, direction: Direction): void {
    const { counters, platform } = this.#editor;
    if (offset === 0) {
      counters.pageTablePasses += platform.pageTablePasses;
      counters.fullFlushes += flushCount(platform, direction);
    }
    counters.hostCalls += hostCallsByPage(platform, offset, pages);
  }

  /** A failed call on a vmalloc address is one failure, told in as many rows as the area has runs. */
  #conversionFailed(columns: EventColumns, row: number): void {
    const { counters } = this.#editor;
    const pfn = columns.pfn[row];
    const pages = columns.pages[row];
    const offset = columns.bytes[row];
    const direction = DIRECTIONS[columns.code[row] & 1];
    const isAreaCall = (columns.code[row] & AREA_CALL) !== 0;
    if (isAreaCall) this.#expectVmArea(columns, row, direction);
    else this.#expectConvertible(columns, row, direction);
    this.#change(pfn, pages, 'unknown');
    if (!isAreaCall || offset === 0) counters.failedConversions++;
    if (isAreaCall) this.#countVmAreaAttempt(pages, offset, direction);
    else this.#countAttempt(pfn, pages, direction);
  }

  /** Entries of the direct map, of whatever size, that map a range: what its conversion writes. */
  #entriesIn(start: number, pages: number): number {
    const { geometry, platform } = this.#editor;
    if (platform.directMap === 'untouched') return 0;
    const { pagesPerBlock, blocksPerRegion } = geometry;
    const end = start + pages;
    let entries = 0;
    for (let at = start; at < end; ) {
      const level = mappingLevelAt(this.#editor, geometry, at);
      const size = level === 3 ? pagesPerBlock * blocksPerRegion : pagesPerBlock;
      const to = Math.min(end, at - (at % size) + size);
      entries += level > 1 ? 1 : to - at;
      at = to;
    }
    return entries;
  }

  #largePageSplit(columns: EventColumns, row: number): void {
    const { counters, geometry, mapping, platform } = this.#editor;
    const { pagesPerBlock, blocksPerRegion } = geometry;
    if (!hasLargePages(platform)) {
      this.#refuse(columns, row, `platform '${platform.name}' splits no large page`);
    }
    const pfn = columns.pfn[row];
    const level = columns.code[row] as MappingLevel;
    const size = level === 3 ? pagesPerBlock * blocksPerRegion : pagesPerBlock;
    if (level !== 2 && level !== 3) this.#refuse(columns, row, `level ${level} is neither 2 (2M) nor 3 (1G)`);
    if (pfn % size !== 0 || pfn >= geometry.spanPages) {
      this.#refuse(columns, row, `no ${level === 3 ? '1G' : '2M'} page begins at page ${pfn}`);
    }
    const current = mappingLevelAt(this.#editor, geometry, pfn);
    if (current !== level) {
      this.#refuse(columns, row, `page ${pfn} is mapped at level ${current}, not ${level}`);
    }
    const block = pfn / pagesPerBlock;
    const region = Math.floor(block / blocksPerRegion);
    if (level === 2 && this.entryPagesAt(pfn as Pfn) > pagesPerBlock) {
      this.#refuse(columns, row, `the 2M page at ${pfn} is part of a contiguous 32M`);
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
        const { blocks } = this.#editor;
        blocks.write(block);
        const runs = pagesPerBlock / contiguousPages(geometry);
        blocks.words[blocks.base + this.#layout.contiguous] = runs === 32 ? 0xffffffff : 2 ** runs - 1;
      }
      counters.splits2M++;
      counters.mapped2MPages -= size;
      counters.mapped4KPages += size;
    }
    counters.pageTablePages++;
    // Each split ends in flush_tlb_all() under cpa_lock: __split_large_page(), arch/x86/mm/pat/set_memory.c.
    counters.fullFlushes++;
  }

  /** The bit of a contiguous run is cleared; its entries stay. No page table is added, and no global flush is needed. */
  #contiguousSplit(columns: EventColumns, row: number): void {
    const { blocks, counters, geometry, mapping, platform } = this.#editor;
    if (platform.directMap !== 'contiguous') {
      this.#refuse(columns, row, `platform '${platform.name}' has no contiguous entries`);
    }
    const { pagesPerBlock, blocksPerRegion } = geometry;
    const pfn = columns.pfn[row];
    const is32M = columns.code[row] === 2;
    const size = is32M ? contiguousBlocks(geometry) * pagesPerBlock : contiguousPages(geometry);
    if (pfn % size !== 0 || pfn >= geometry.spanPages || this.entryPagesAt(pfn as Pfn) !== size) {
      this.#refuse(columns, row, `no contiguous ${is32M ? '32M' : '64K'} begins at page ${pfn}`);
    }
    const block = Math.floor(pfn / pagesPerBlock);
    if (is32M) {
      mapping.write(Math.floor(block / blocksPerRegion));
      const first = mapping.base + (block % blocksPerRegion);
      for (let at = first; at < first + contiguousBlocks(geometry); at++) mapping.words[at] &= ~CONTIGUOUS_2M;
      counters.splits32M++;
    } else {
      blocks.write(block);
      blocks.words[blocks.base + this.#layout.contiguous] &= ~(1 << ((pfn % pagesPerBlock) / size));
      counters.splits64K++;
    }
    counters.rangedFlushes++;
  }

  #largePageRestored(columns: EventColumns, row: number): void {
    const { counters, geometry, mapping, platform } = this.#editor;
    const { pagesPerBlock, blocksPerRegion } = geometry;
    const pfn = columns.pfn[row];
    if (!platform.restore || !hasLargePages(platform)) {
      this.#refuse(columns, row, `platform '${platform.name}' restores no large page`);
    }
    if (pfn % pagesPerBlock !== 0 || pfn >= geometry.spanPages) {
      this.#refuse(columns, row, `no 2M page begins at page ${pfn}`);
    }
    if (mappingLevelAt(this.#editor, geometry, pfn) !== 1) {
      this.#refuse(columns, row, `page ${pfn} is not mapped at level 1`);
    }
    const block = pfn / pagesPerBlock;
    if (!wasSplit(this.#editor, geometry, block)) {
      this.#refuse(columns, row, `the block at page ${pfn} began with 4K entries: it has no split to undo`);
    }
    this.#editor.blocks.read(block);
    if (this.#exposedPages() > 0)
      this.#refuse(columns, row, `the block at page ${pfn} has pages not private`);
    const region = Math.floor(block / blocksPerRegion);
    mapping.write(region);
    mapping.words[mapping.base + block - region * blocksPerRegion] = 2;
    if (platform.directMap === 'contiguous') {
      const { blocks } = this.#editor;
      blocks.write(block);
      blocks.words[blocks.base + this.#layout.contiguous] = 0;
    }
    counters.restores2M++;
    counters.mapped4KPages -= pagesPerBlock;
    counters.mapped2MPages += pagesPerBlock;
    counters.pageTablePages--;
    counters.fullFlushes++;
  }

  #ownerRegistered(columns: EventColumns, row: number): void {
    const { counters } = this.#editor;
    if (columns.owner[row] !== counters.owners) {
      this.#refuse(columns, row, `owner ${columns.owner[row]} comes where ${counters.owners} is next`);
    }
    this.#editor.addOwner(columns.names.get(row) ?? '');
    counters.owners++;
  }

  #allocationRequested(columns: EventColumns, row: number): void {
    const { counters, geometry } = this.#editor;
    const id = columns.allocation[row];
    const pages = columns.pages[row];
    if (columns.owner[row] >= counters.owners) {
      this.#refuse(columns, row, `owner ${columns.owner[row]} was never registered`);
    }
    if (pages === 0 || columns.bytes[row] > pages * (1 << geometry.pageShift)) {
      this.#refuse(columns, row, `${columns.bytes[row]} bytes do not fit in ${pages} pages`);
    }
    this.#nextRequest(columns, row);
    // Without gaps the table of allocations is dense, and a hostile id cannot make it huge.
    if (id !== counters.lastAllocation + 1) {
      this.#refuse(columns, row, `allocation ${id} comes where ${counters.lastAllocation + 1} is next`);
    }
    const { words, base } = writeRecord(this.#editor, id);
    words[base + ALLOCATION.status] = STATUS.requested;
    words[base + ALLOCATION.owner] = columns.owner[row];
    words[base + ALLOCATION.request] = columns.request[row];
    words[base + ALLOCATION.bytes] = columns.bytes[row];
    words[base + ALLOCATION.pages] = pages;
    words[base + ALLOCATION.api] = columns.code[row];
    words[base + ALLOCATION.attributes] = columns.pfn[row];
    counters.lastAllocation = id;
    counters.requests++;
  }

  #freeRequested(columns: EventColumns, row: number): void {
    this.#nextRequest(columns, row);
    const id = columns.allocation[row];
    expectKnownAllocation(this.#editor, columns, row);
    const { words, base } = writeRecord(this.#editor, id);
    const holdsPages = words[base + ALLOCATION.freedExtents] < words[base + ALLOCATION.extents];
    const isObject = words[base + ALLOCATION.slab] !== 0;
    if (words[base + ALLOCATION.status] !== STATUS.live || !(holdsPages || isObject)) {
      this.#refuse(columns, row, `allocation ${id} is not live`);
    }
    if (words[base + ALLOCATION.userMappings] !== 0) {
      this.#refuse(columns, row, `allocation ${id} is mapped into user space`);
    }
    words[base + ALLOCATION.status] = STATUS.freeing;
    this.#editor.counters.requests++;
  }

  /** Only what is about a refused allocation is skipped. How many chunks others were refused, the state does not count. */
  #requestSkipped(columns: EventColumns, row: number): void {
    if (SKIPPED[columns.code[row]] === 'background-free') return;
    expectKnownAllocation(this.#editor, columns, row);
    const id = columns.allocation[row];
    const { words, base } = readRecord(this.#editor, id);
    if (words[base + ALLOCATION.status] !== STATUS.failed) {
      this.#refuse(columns, row, `allocation ${id} was not refused: its requests are not skipped`);
    }
  }

  /** Requests are numbered from 1 without a gap. */
  #nextRequest(columns: EventColumns, row: number): void {
    const next = this.#editor.counters.requests + 1;
    if (columns.request[row] !== next) {
      this.#refuse(columns, row, `request ${columns.request[row]} comes where ${next} is next`);
    }
  }

  #allocationFailed(columns: EventColumns, row: number): void {
    const id = columns.allocation[row];
    expectKnownAllocation(this.#editor, columns, row);
    const { words, base } = writeRecord(this.#editor, id);
    const status = words[base + ALLOCATION.status];
    const isEmpty =
      words[base + ALLOCATION.slab] === 0 &&
      words[base + ALLOCATION.extents] === words[base + ALLOCATION.freedExtents];
    if ((status !== STATUS.requested && status !== STATUS.live) || !isEmpty) {
      this.#refuse(columns, row, `allocation ${id} was not requested, or holds pages or an object`);
    }
    if (status === STATUS.live) endLife(this.#editor, id);
    words[base + ALLOCATION.status] = STATUS.failed;
    this.#editor.counters.failedRequests++;
  }

  #pagesAllocated(columns: EventColumns, row: number): void {
    const { counters, platform } = this.#editor;
    const id = columns.allocation[row];
    const pfn = columns.pfn[row];
    const pages = columns.pages[row];
    this.#expectRange(columns, row);
    expectKnownAllocation(this.#editor, columns, row);
    const { words, base } = writeRecord(this.#editor, id);
    const status = words[base + ALLOCATION.status];
    const made = words[base + ALLOCATION.extents];
    const first = words[base + ALLOCATION.firstExtent];
    const next = counters.extents;
    if (status !== STATUS.requested && status !== STATUS.live) {
      this.#refuse(columns, row, `allocation ${id} was not requested`);
    }
    if (status === STATUS.live && first + made !== next) {
      this.#refuse(columns, row, `allocation ${id} gets an extent after another allocation did`);
    }
    if (isMapped(words, base) || words[base + ALLOCATION.slab] !== 0) {
      this.#refuse(columns, row, `allocation ${id} is mapped already, or an object in a slab`);
    }
    const required = platform.confidential ? CLAIMED | SHARED : CLAIMED;
    this.#expectPages(columns, row, required, ALLOCATED | UNKNOWN | LEAKED);

    this.#fill(pfn, pages, BITMAP.allocated, true);
    if (status === STATUS.requested) {
      words[base + ALLOCATION.status] = STATUS.live;
      words[base + ALLOCATION.firstExtent] = next;
      counters.liveAllocations++;
      counters.liveBytes += words[base + ALLOCATION.bytes];
    }
    words[base + ALLOCATION.extents] = made + 1;
    writeExtent(this.#editor, next, pfn, pages);
    counters.extents++;
    counters.livePages += pages;
  }

  #pagesFreed(columns: EventColumns, row: number): void {
    const { counters, extents } = this.#editor;
    const id = columns.allocation[row];
    expectKnownAllocation(this.#editor, columns, row);
    const { words, base } = writeRecord(this.#editor, id);
    const status = words[base + ALLOCATION.status];
    const made = words[base + ALLOCATION.extents];
    const freed = words[base + ALLOCATION.freedExtents];
    const first = words[base + ALLOCATION.firstExtent];
    // A live allocation loses pages without a free request only while its own request is being undone.
    const isUndo = status === STATUS.live && words[base + ALLOCATION.request] === columns.request[row];
    const isGoing = status === STATUS.freeing || status === STATUS.reclaiming;
    if (freed === made || !(isGoing || isUndo)) {
      this.#refuse(columns, row, `nobody asked to free allocation ${id}`);
    }
    if ((words[base + ALLOCATION.api] & AREA_MAPPED) !== 0) {
      this.#refuse(columns, row, `allocation ${id} is still mapped in a vmalloc area`);
    }
    if (words[base + ALLOCATION.userMappings] !== 0) {
      this.#refuse(columns, row, `allocation ${id} is mapped into user space`);
    }
    const number = first + freed;
    extents.read(number >>> EXTENTS_SHIFT);
    const at = (number & (EXTENTS_PER_LEAF - 1)) * EXTENT_WORDS;
    const pfn = extents.words[extents.base + at + EXTENT.pfn];
    const pages = extents.words[extents.base + at + EXTENT.pages];
    if (pfn !== columns.pfn[row] || pages !== columns.pages[row]) {
      this.#refuse(
        columns,
        row,
        `the next extent of allocation ${id} is ${pages} pages at ${pfn}, not ${columns.pages[row]} at ${columns.pfn[row]}`,
      );
    }
    this.#fill(pfn, pages, BITMAP.allocated, false);
    writeExtent(this.#editor, number, 0, 0);
    words[base + ALLOCATION.freedExtents] = freed + 1;
    counters.livePages -= pages;
    if (isGoing && freed + 1 === made) {
      words[base + ALLOCATION.status] = STATUS.freed;
      if (status === STATUS.freeing) endLife(this.#editor, id);
    }
  }
}
