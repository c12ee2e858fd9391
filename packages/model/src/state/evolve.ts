/**
 * The one reducer: folds an event into the state, whichever backend carries it.
 *
 * Each case first proves that the event can have happened (no page in two allocations, no unknown or leaked page
 * handed out, no conversion across a large page that was not split first, ...) and only then writes. So an event
 * that breaks a rule throws InvariantError and leaves the state as it was.
 */
import { type MappedRange, splitForChange } from '../direct-map.ts';
import { InvariantError } from '../errors.ts';
import type { EventColumns } from '../events/columns.ts';
import { EVENT_TYPES, TYPE } from '../events/types.ts';
import type { MappingLevel } from '../memory-state.ts';
import { DIRECTIONS, type Direction, flushesFor, hostCallsFor } from '../platform.ts';
import type { Pfn } from '../units.ts';
import type { Editor } from './editor.ts';
import {
  ALLOCATION,
  ALLOCATION_WORDS,
  ALLOCATIONS_PER_LEAF,
  BITMAP,
  type BlockLayout,
  blockLayout,
  EXTENT,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  STATUS,
} from './layout.ts';
import { mappingLevelAt } from './mapping.ts';
import { type BitmapName, bitAt, fillBits, firstDisagreement, holds, setOf } from './ranges.ts';
import type { Words } from './word-table.ts';

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
export class Evolver implements MappedRange {
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
    return this.#isDecrypting ? bitAt(this.#editor, this.#layout, 'shared', pfn) : !this.#isExposed(pfn);
  }

  /** The walk finds a large page that this conversion cannot keep: its split should have come before. */
  split(base: Pfn, level: 2 | 3): void {
    if (this.#converted === undefined) return;
    const size = level === 3 ? '1G' : '2M';
    this.#refuse(this.#converted, this.#convertedRow, `the ${size} page at ${base} was not split before`);
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
        this.#fill(pfn, pages, 'claimed', true);
        counters.claimedPages += pages;
        break;
      case TYPE.pagesReturned:
        this.#expectRange(columns, row);
        this.#expectPages(columns, row, CLAIMED, ALLOCATED | SHARED | UNKNOWN | LEAKED);
        this.#fill(pfn, pages, 'claimed', false);
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
      case TYPE.pagesEncrypted:
        this.#expectConvertible(columns, row, 'encrypt');
        this.#change(pfn, pages, 'private');
        this.#countConversion(pfn, pages, 'encrypt');
        break;
      case TYPE.conversionFailed:
        this.#expectConvertible(columns, row, DIRECTIONS[columns.code[row]]);
        this.#change(pfn, pages, 'unknown');
        counters.failedConversions++;
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
        this.#fill(pfn, pages, 'leaked', true);
        counters.leakedPages += pages;
        break;
      default:
        this.#refuse(columns, row, 'there is no event type with this code');
    }
    counters.events++;
    counters.time = time;
  }

  #refuse(columns: EventColumns, row: number, why: string): never {
    const { counters } = this.#editor;
    const type = EVENT_TYPES[columns.type[row]] ?? `type ${columns.type[row]}`;
    throw new InvariantError(
      `event ${counters.events} (${type}, request ${columns.request[row]}) cannot have happened: ${why}`,
    );
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
      const wrong = firstDisagreement(this.#editor, this.#layout, bitmap, pfn[row], pages[row], isRequired);
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
    if (direction === 'decrypt') {
      this.#expectPages(columns, row, CLAIMED, SHARED | UNKNOWN | LEAKED);
    } else {
      this.#expectPages(columns, row, CLAIMED, ALLOCATED | LEAKED);
      this.#expectNotPrivate(columns, row);
    }
    this.#expectSplit(columns, row, direction);
  }

  #expectNotPrivate(columns: EventColumns, row: number): void {
    const end = columns.pfn[row] + columns.pages[row];
    for (let page = columns.pfn[row]; page < end; page++) {
      page = firstDisagreement(this.#editor, this.#layout, 'shared', page, end - page, true);
      if (page < 0) return;
      if (!bitAt(this.#editor, this.#layout, 'unknown', page)) {
        this.#refuse(columns, row, `page ${page} is already private`);
      }
    }
  }

  /** The large pages that this conversion cannot keep must have been split by events before it. */
  #expectSplit(columns: EventColumns, row: number, direction: Direction): void {
    if (this.#editor.platform.directMap !== 'split') return;
    this.#isDecrypting = direction === 'decrypt';
    this.#converted = columns;
    this.#convertedRow = row;
    splitForChange(this.#editor.geometry, this, columns.pfn[row] as Pfn, columns.pages[row]);
  }

  #fill(start: number, pages: number, bitmap: BitmapName, set: boolean): void {
    const { blocks, geometry } = this.#editor;
    const end = start + pages;
    for (let at = start; at < end; ) {
      const block = Math.floor(at / geometry.pagesPerBlock);
      const blockStart = block * geometry.pagesPerBlock;
      const to = Math.min(end - blockStart, geometry.pagesPerBlock);
      blocks.write(block);
      fillBits(blocks, this.#layout, bitmap, at - blockStart, to, set);
      at = blockStart + to;
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
      const block = Math.floor(at / pagesPerBlock);
      const blockStart = block * pagesPerBlock;
      const from = at - blockStart;
      const until = Math.min(end - blockStart, pagesPerBlock);
      blocks.write(block);
      const before = this.#exposedPages();
      counters.sharedPages += fillBits(blocks, layout, 'shared', from, until, to === 'shared');
      if (to === 'unknown' || blocks.words[blocks.base + layout.counts + BITMAP.unknown] > 0) {
        counters.unknownPages += fillBits(blocks, layout, 'unknown', from, until, to === 'unknown');
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
      at = blockStart + until;
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
      bitAt(this.#editor, this.#layout, 'shared', page) || bitAt(this.#editor, this.#layout, 'unknown', page)
    );
  }

  #isMapped(page: number): boolean {
    return mappingLevelAt(this.#editor, this.#editor.geometry, page) !== 0;
  }

  #countConversion(pfn: number, pages: number, direction: Direction): void {
    const { counters, geometry, platform } = this.#editor;
    counters.conversions++;
    counters.convertedPages += pages;
    counters.pageTablePasses += platform.pageTablePasses;
    counters.hostCalls += hostCallsFor(platform, geometry, pfn as Pfn, pages);
    const flushes = flushesFor(platform, pages, direction);
    counters.fullFlushes += flushes.full;
    counters.rangedFlushes += flushes.ranged;
  }

  #largePageSplit(columns: EventColumns, row: number): void {
    const { counters, geometry, mapping, platform } = this.#editor;
    const { pagesPerBlock, blocksPerRegion } = geometry;
    if (platform.directMap !== 'split') {
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
    mapping.write(region);
    if (level === 3) {
      mapping.words[mapping.base + blocksPerRegion] = 0;
      counters.splits1G++;
      counters.mapped1GPages -= size;
      counters.mapped2MPages += size;
    } else {
      mapping.words[mapping.base + block - region * blocksPerRegion] = 1;
      counters.splits2M++;
      counters.mapped2MPages -= size;
      counters.mapped4KPages += size;
    }
    counters.pageTablePages++;
    // Each split ends in flush_tlb_all() under cpa_lock: __split_large_page(), arch/x86/mm/pat/set_memory.c.
    counters.fullFlushes++;
  }

  #largePageRestored(columns: EventColumns, row: number): void {
    const { counters, geometry, mapping, platform } = this.#editor;
    const { pagesPerBlock, blocksPerRegion } = geometry;
    const pfn = columns.pfn[row];
    if (!platform.restore) {
      this.#refuse(columns, row, `platform '${platform.name}' restores no large page`);
    }
    if (pfn % pagesPerBlock !== 0 || pfn >= geometry.spanPages) {
      this.#refuse(columns, row, `no 2M page begins at page ${pfn}`);
    }
    if (mappingLevelAt(this.#editor, geometry, pfn) !== 1) {
      this.#refuse(columns, row, `page ${pfn} is not mapped at level 1`);
    }
    const block = pfn / pagesPerBlock;
    this.#editor.blocks.read(block);
    if (this.#exposedPages() > 0)
      this.#refuse(columns, row, `the block at page ${pfn} has pages not private`);
    const region = Math.floor(block / blocksPerRegion);
    mapping.write(region);
    mapping.words[mapping.base + block - region * blocksPerRegion] = 2;
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
    if (pages === 0 || columns.bytes[row] > pages * 2 ** geometry.pageShift) {
      this.#refuse(columns, row, `${columns.bytes[row]} bytes do not fit in ${pages} pages`);
    }
    this.#nextRequest(columns, row);
    // Without gaps the table of allocations is dense, and a hostile id cannot make it huge.
    if (id !== counters.lastAllocation + 1) {
      this.#refuse(columns, row, `allocation ${id} comes where ${counters.lastAllocation + 1} is next`);
    }
    const { words, base } = this.#writeRecord(id);
    words[base + ALLOCATION.status] = STATUS.requested;
    words[base + ALLOCATION.owner] = columns.owner[row];
    words[base + ALLOCATION.request] = columns.request[row];
    words[base + ALLOCATION.bytes] = columns.bytes[row];
    words[base + ALLOCATION.pages] = pages;
    counters.lastAllocation = id;
    counters.requests++;
  }

  #freeRequested(columns: EventColumns, row: number): void {
    this.#nextRequest(columns, row);
    const id = columns.allocation[row];
    this.#expectKnownAllocation(columns, row);
    const { words, base } = this.#readRecord(id);
    const holdsPages = words[base + ALLOCATION.freedExtents] < words[base + ALLOCATION.extents];
    if (words[base + ALLOCATION.status] !== STATUS.live || !holdsPages) {
      this.#refuse(columns, row, `allocation ${id} is not live`);
    }
    const record = this.#writeRecord(id);
    record.words[record.base + ALLOCATION.status] = STATUS.freeing;
    this.#editor.counters.requests++;
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
    this.#expectKnownAllocation(columns, row);
    const { words, base } = this.#readRecord(id);
    const status = words[base + ALLOCATION.status];
    const isEmpty = words[base + ALLOCATION.extents] === words[base + ALLOCATION.freedExtents];
    if ((status !== STATUS.requested && status !== STATUS.live) || !isEmpty) {
      this.#refuse(columns, row, `allocation ${id} was not requested, or holds pages`);
    }
    if (status === STATUS.live) this.#endLife(id);
    const record = this.#writeRecord(id);
    record.words[record.base + ALLOCATION.status] = STATUS.failed;
    this.#editor.counters.failedRequests++;
  }

  #pagesAllocated(columns: EventColumns, row: number): void {
    const { counters, extents, platform } = this.#editor;
    const id = columns.allocation[row];
    const pfn = columns.pfn[row];
    const pages = columns.pages[row];
    this.#expectRange(columns, row);
    this.#expectKnownAllocation(columns, row);
    const { words, base } = this.#readRecord(id);
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
    const required = platform.confidential ? CLAIMED | SHARED : CLAIMED;
    this.#expectPages(columns, row, required, ALLOCATED | UNKNOWN | LEAKED);

    this.#fill(pfn, pages, 'allocated', true);
    const record = this.#writeRecord(id);
    if (status === STATUS.requested) {
      record.words[record.base + ALLOCATION.status] = STATUS.live;
      record.words[record.base + ALLOCATION.firstExtent] = next;
      counters.liveAllocations++;
      counters.liveBytes += record.words[record.base + ALLOCATION.bytes];
    }
    record.words[record.base + ALLOCATION.extents] = made + 1;
    const leaf = Math.floor(next / EXTENTS_PER_LEAF);
    extents.write(leaf);
    const at = extents.base + (next - leaf * EXTENTS_PER_LEAF) * EXTENT_WORDS;
    extents.words[at + EXTENT.pfn] = pfn;
    extents.words[at + EXTENT.pages] = pages;
    counters.extents++;
    counters.livePages += pages;
  }

  #pagesFreed(columns: EventColumns, row: number): void {
    const { counters, extents } = this.#editor;
    const id = columns.allocation[row];
    this.#expectKnownAllocation(columns, row);
    const { words, base } = this.#readRecord(id);
    const status = words[base + ALLOCATION.status];
    const made = words[base + ALLOCATION.extents];
    const freed = words[base + ALLOCATION.freedExtents];
    const first = words[base + ALLOCATION.firstExtent];
    // A live allocation loses pages without a free request only while its own request is being undone.
    const isUndo = status === STATUS.live && words[base + ALLOCATION.request] === columns.request[row];
    if (freed === made || (status !== STATUS.freeing && !isUndo)) {
      this.#refuse(columns, row, `nobody asked to free allocation ${id}`);
    }
    const number = first + freed;
    const leaf = Math.floor(number / EXTENTS_PER_LEAF);
    extents.read(leaf);
    const at = (number - leaf * EXTENTS_PER_LEAF) * EXTENT_WORDS;
    const pfn = extents.words[extents.base + at + EXTENT.pfn];
    const pages = extents.words[extents.base + at + EXTENT.pages];
    if (pfn !== columns.pfn[row] || pages !== columns.pages[row]) {
      this.#refuse(
        columns,
        row,
        `the next extent of allocation ${id} is ${pages} pages at ${pfn}, not ${columns.pages[row]} at ${columns.pfn[row]}`,
      );
    }
    this.#fill(pfn, pages, 'allocated', false);
    extents.write(leaf);
    extents.words[extents.base + at + EXTENT.pfn] = 0;
    extents.words[extents.base + at + EXTENT.pages] = 0;
    const record = this.#writeRecord(id);
    record.words[record.base + ALLOCATION.freedExtents] = freed + 1;
    counters.livePages -= pages;
    if (status === STATUS.freeing && freed + 1 === made) {
      record.words[record.base + ALLOCATION.status] = STATUS.freed;
      this.#endLife(id);
    }
  }

  #endLife(id: number): void {
    const { counters } = this.#editor;
    const { words, base } = this.#readRecord(id);
    counters.liveAllocations--;
    counters.liveBytes -= words[base + ALLOCATION.bytes];
  }

  #expectKnownAllocation(columns: EventColumns, row: number): void {
    const id = columns.allocation[row];
    if (id === 0 || id > this.#editor.counters.lastAllocation) {
      this.#refuse(columns, row, `allocation ${id} was never requested`);
    }
  }

  #readRecord(id: number): { words: Words; base: number } {
    const { allocations } = this.#editor;
    const leaf = Math.floor(id / ALLOCATIONS_PER_LEAF);
    allocations.read(leaf);
    return {
      words: allocations.words,
      base: allocations.base + (id - leaf * ALLOCATIONS_PER_LEAF) * ALLOCATION_WORDS,
    };
  }

  #writeRecord(id: number): { words: Words; base: number } {
    const { allocations } = this.#editor;
    const leaf = Math.floor(id / ALLOCATIONS_PER_LEAF);
    allocations.write(leaf);
    return {
      words: allocations.words,
      base: allocations.base + (id - leaf * ALLOCATIONS_PER_LEAF) * ALLOCATION_WORDS,
    };
  }
}
