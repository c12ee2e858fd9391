/**
 * The one reducer: folds an event into the state, whichever backend carries it.
 *
 * Each case first proves that the event can have happened (no page in two allocations, no unknown or leaked page
 * handed out, no conversion across a large page that was not split first, ...) and only then writes. So an event
 * that breaks a rule throws InvariantError and leaves the state as it was.
 */
import { splitForChange } from '../direct-map.ts';
import { InvariantError } from '../errors.ts';
import type { EventColumns } from '../events/columns.ts';
import { EVENT_TYPES, TYPE } from '../events/types.ts';
import type { MappingLevel } from '../memory-state.ts';
import { type Direction, flushesFor, hostCallsFor } from '../platform.ts';
import type { Pfn } from '../units.ts';
import { C } from './counters.ts';
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
import { type BitmapName, bitAt, fillBits, firstDisagreement } from './ranges.ts';

/** Folds rows into the state of one editor. Holds no state of its own but what the geometry fixes. */
export class Evolver {
  readonly #editor: Editor;
  readonly #layout: BlockLayout;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#layout = blockLayout(editor.geometry);
  }

  /** Folds one row. Throws InvariantError, with the state unchanged, when the event cannot have happened. */
  evolve(columns: EventColumns, row: number): void {
    const { counters } = this.#editor;
    const time = columns.time[row];
    if (time < counters[C.time]) {
      this.#refuse(columns, row, `time goes back from ${counters[C.time]} ns to ${time} ns`);
    }
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
        this.#expectAll(columns, row, 'claimed', false, 'is already claimed');
        this.#fill(pfn, pages, 'claimed', true);
        counters[C.claimedPages] += pages;
        break;
      case TYPE.pagesReturned:
        this.#expectRange(columns, row);
        this.#expectAll(columns, row, 'claimed', true, 'is not claimed');
        this.#expectAll(columns, row, 'allocated', false, 'is allocated');
        this.#expectAll(columns, row, 'shared', false, 'is still shared');
        this.#expectKnown(columns, row);
        this.#fill(pfn, pages, 'claimed', false);
        counters[C.claimedPages] -= pages;
        break;
      case TYPE.largePageSplit:
        this.#largePageSplit(columns, row);
        break;
      case TYPE.largePageRestored:
        this.#largePageRestored(columns, row);
        break;
      case TYPE.pagesDecrypted:
        this.#expectConvertible(columns, row);
        this.#expectAll(columns, row, 'shared', false, 'is already shared');
        this.#expectKnown(columns, row);
        this.#expectSplit(columns, row);
        this.#convert(pfn, pages, true);
        this.#countConversion(pfn, pages, 'decrypt');
        break;
      case TYPE.pagesEncrypted:
        this.#expectConvertible(columns, row);
        this.#expectAll(columns, row, 'allocated', false, 'is allocated');
        this.#expectAll(columns, row, 'leaked', false, 'was leaked');
        this.#expectNotPrivate(columns, row);
        this.#expectSplit(columns, row);
        this.#convert(pfn, pages, false);
        this.#countConversion(pfn, pages, 'encrypt');
        break;
      case TYPE.conversionFailed:
        this.#expectConvertible(columns, row);
        this.#expectAll(columns, row, 'allocated', false, 'is allocated');
        this.#makeUnknown(pfn, pages);
        counters[C.failedConversions]++;
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
        this.#expectAll(columns, row, 'claimed', true, 'is not claimed');
        this.#expectAll(columns, row, 'allocated', false, 'is allocated');
        this.#expectAll(columns, row, 'leaked', false, 'was leaked before');
        this.#fill(pfn, pages, 'leaked', true);
        counters[C.leakedPages] += pages;
        break;
      default:
        this.#refuse(columns, row, 'there is no event type with this code');
    }
    counters[C.events]++;
    counters[C.time] = time;
  }

  #refuse(columns: EventColumns, row: number, why: string): never {
    const { counters } = this.#editor;
    const type = EVENT_TYPES[columns.type[row]] ?? `type ${columns.type[row]}`;
    throw new InvariantError(
      `event ${counters[C.events]} (${type}, request ${columns.request[row]}) cannot have happened: ${why}`,
    );
  }

  #expectRange(columns: EventColumns, row: number): void {
    const { geometry } = this.#editor;
    const pfn = columns.pfn[row];
    const pages = columns.pages[row];
    if (pages === 0 || pfn + pages > geometry.spanPages) {
      this.#refuse(columns, row, `pages ${pfn}..${pfn + pages} are not inside 0..${geometry.spanPages}`);
    }
    if (mappingLevelAt(this.#editor, geometry, pfn) === 0) {
      this.#refuse(columns, row, `page ${pfn} is in a hole of physical memory`);
    }
  }

  #expectAll(columns: EventColumns, row: number, bitmap: BitmapName, set: boolean, problem: string): void {
    const wrong = firstDisagreement(
      this.#editor,
      this.#layout,
      bitmap,
      columns.pfn[row],
      columns.pages[row],
      set,
    );
    if (wrong >= 0) this.#refuse(columns, row, `page ${wrong} ${problem}`);
  }

  #expectKnown(columns: EventColumns, row: number): void {
    this.#expectAll(columns, row, 'unknown', false, 'is in an unknown state');
    this.#expectAll(columns, row, 'leaked', false, 'was leaked');
  }

  #expectConvertible(columns: EventColumns, row: number): void {
    if (!this.#editor.platform.confidential) {
      this.#refuse(columns, row, `on platform '${this.#editor.platform.name}' a conversion is a no-op`);
    }
    this.#expectRange(columns, row);
    this.#expectAll(columns, row, 'claimed', true, 'is not claimed');
  }

  /** Encrypting a page that is private already is refused; an unknown page may be encrypted (a retry). */
  #expectNotPrivate(columns: EventColumns, row: number): void {
    const layout = this.#layout;
    const end = columns.pfn[row] + columns.pages[row];
    for (let page = columns.pfn[row]; page < end; ) {
      const wrong = firstDisagreement(this.#editor, layout, 'shared', page, end - page, true);
      if (wrong < 0) return;
      if (!bitAt(this.#editor, layout, 'unknown', wrong)) {
        this.#refuse(columns, row, `page ${wrong} is already private`);
      }
      page = wrong + 1;
    }
  }

  /** The large pages that this conversion cannot keep must have been split by events before it. */
  #expectSplit(columns: EventColumns, row: number): void {
    const editor = this.#editor;
    const exposed = columns.type[row] === TYPE.pagesDecrypted;
    splitForChange(
      editor.geometry,
      {
        levelAt: (pfn) => mappingLevelAt(editor, editor.geometry, pfn),
        isUnchanged: (pfn) => bitAt(editor, this.#layout, 'shared', pfn) === exposed,
        split: (base, level) =>
          this.#refuse(columns, row, `the ${level === 3 ? '1G' : '2M'} page at ${base} was not split before`),
      },
      columns.pfn[row] as Pfn,
      columns.pages[row],
    );
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

  /** Makes a range shared or private, block by block, and keeps everything that depends on it. */
  #convert(start: number, pages: number, shared: boolean): void {
    this.#changeExposure(start, pages, (from, to) => {
      const { blocks, counters } = this.#editor;
      counters[C.sharedPages] += fillBits(blocks, this.#layout, 'shared', from, to, shared);
      if (!shared) counters[C.unknownPages] += fillBits(blocks, this.#layout, 'unknown', from, to, false);
    });
  }

  #makeUnknown(start: number, pages: number): void {
    this.#changeExposure(start, pages, (from, to) => {
      const { blocks, counters } = this.#editor;
      counters[C.sharedPages] += fillBits(blocks, this.#layout, 'shared', from, to, false);
      counters[C.unknownPages] += fillBits(blocks, this.#layout, 'unknown', from, to, true);
    });
  }

  /**
   * Runs `change` on each block's part of the range, with the block open for writing, and keeps the counts of
   * shared, touched and mixed blocks and of private -> not-private borders.
   */
  #changeExposure(start: number, pages: number, change: (from: number, to: number) => void): void {
    const { blocks, counters, geometry } = this.#editor;
    const { pagesPerBlock } = geometry;
    counters[C.borders] -= this.#bordersIn(start - 1, start + pages);
    const end = start + pages;
    for (let at = start; at < end; ) {
      const block = Math.floor(at / pagesPerBlock);
      const blockStart = block * pagesPerBlock;
      const to = Math.min(end - blockStart, pagesPerBlock);
      blocks.write(block);
      const before = this.#exposedPages();
      change(at - blockStart, to);
      const after = this.#exposedPages();
      counters[C.sharedBlocks] += Number(after > 0) - Number(before > 0);
      counters[C.mixedBlocks] +=
        Number(after > 0 && after < pagesPerBlock) - Number(before > 0 && before < pagesPerBlock);
      const touched = blocks.base + this.#layout.touched;
      if (after > 0 && blocks.words[touched] === 0) {
        blocks.words[touched] = 1;
        counters[C.touchedBlocks]++;
      }
      at = blockStart + to;
    }
    counters[C.borders] += this.#bordersIn(start - 1, start + pages);
  }

  /** Shared and unknown pages of the block that the cursor is at. */
  #exposedPages(): number {
    const { words, base } = this.#editor.blocks;
    const counts = base + this.#layout.counts;
    return words[counts + BITMAP.shared] + words[counts + BITMAP.unknown];
  }

  /**
   * Borders whose left page is in [first, last): inside a range that changes as a whole they are found from the
   * changes of state along it, so a long uniform range costs two look-ups a block, not one a page.
   */
  #bordersIn(first: number, last: number): number {
    let borders = 0;
    const end = Math.min(last, this.#editor.geometry.spanPages - 1);
    for (let page = Math.max(0, first); page < end; ) {
      if (this.#isExposed(page)) {
        page = this.#nextExposure(page, end, false);
      } else {
        const next = this.#nextExposure(page, end + 1, true);
        if (next <= end && this.#isMapped(next - 1)) borders++;
        page = next;
      }
    }
    return borders;
  }

  /** First page from `page` on, below `end`, that is exposed (or not); `end` when there is none. */
  #nextExposure(page: number, end: number, exposed: boolean): number {
    const tables = this.#editor;
    const layout = this.#layout;
    if (exposed) {
      const shared = firstDisagreement(tables, layout, 'shared', page, end - page, false);
      const limit = shared < 0 ? end : shared;
      const unknown = firstDisagreement(tables, layout, 'unknown', page, limit - page, false);
      return unknown < 0 ? limit : unknown;
    }
    let at = page;
    while (at < end && this.#isExposed(at)) {
      const bitmap = bitAt(tables, layout, 'shared', at) ? 'shared' : 'unknown';
      const next = firstDisagreement(tables, layout, bitmap, at, end - at, true);
      at = next < 0 ? end : next;
    }
    return at;
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
    counters[C.conversions]++;
    counters[C.convertedPages] += pages;
    counters[C.hostCalls] += hostCallsFor(platform, geometry, pfn as Pfn, pages);
    const flushes = flushesFor(platform, pages, direction);
    counters[C.fullFlushes] += flushes.full;
    counters[C.rangedFlushes] += flushes.ranged;
  }

  #largePageSplit(columns: EventColumns, row: number): void {
    const { counters, geometry, mapping } = this.#editor;
    const { pagesPerBlock, blocksPerRegion } = geometry;
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
      counters[C.splits1G]++;
      counters[C.mapped1GPages] -= size;
      counters[C.mapped2MPages] += size;
    } else {
      mapping.words[mapping.base + block - region * blocksPerRegion] = 1;
      counters[C.splits2M]++;
      counters[C.mapped2MPages] -= size;
      counters[C.mapped4KPages] += size;
    }
    counters[C.pageTablePages]++;
    // Each split ends in flush_tlb_all() under cpa_lock: __split_large_page(), arch/x86/mm/pat/set_memory.c.
    counters[C.fullFlushes]++;
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
    counters[C.restores2M]++;
    counters[C.mapped4KPages] -= pagesPerBlock;
    counters[C.mapped2MPages] += pagesPerBlock;
    counters[C.pageTablePages]--;
    counters[C.fullFlushes]++;
  }

  #ownerRegistered(columns: EventColumns, row: number): void {
    const { counters } = this.#editor;
    if (columns.owner[row] !== counters[C.owners]) {
      this.#refuse(columns, row, `owner ${columns.owner[row]} comes where ${counters[C.owners]} is next`);
    }
    this.#editor.addOwner(columns.names.get(row) ?? '');
    counters[C.owners]++;
  }

  #allocationRequested(columns: EventColumns, row: number): void {
    const { counters, geometry } = this.#editor;
    const id = columns.allocation[row];
    const pages = columns.pages[row];
    if (columns.owner[row] >= counters[C.owners]) {
      this.#refuse(columns, row, `owner ${columns.owner[row]} was never registered`);
    }
    if (pages === 0 || columns.bytes[row] > pages * 2 ** geometry.pageShift) {
      this.#refuse(columns, row, `${columns.bytes[row]} bytes do not fit in ${pages} pages`);
    }
    this.#nextRequest(columns, row);
    // Without gaps the table of allocations is dense, and a hostile id cannot make it huge.
    if (id !== counters[C.lastAllocation] + 1) {
      this.#refuse(columns, row, `allocation ${id} comes where ${counters[C.lastAllocation] + 1} is next`);
    }
    const { words, base } = this.#writeRecord(id);
    words[base + ALLOCATION.status] = STATUS.requested;
    words[base + ALLOCATION.owner] = columns.owner[row];
    words[base + ALLOCATION.request] = columns.request[row];
    words[base + ALLOCATION.bytes] = columns.bytes[row];
    words[base + ALLOCATION.pages] = pages;
    counters[C.lastAllocation] = id;
    counters[C.requests]++;
  }

  #freeRequested(columns: EventColumns, row: number): void {
    this.#nextRequest(columns, row);
    const id = columns.allocation[row];
    this.#expectKnownAllocation(columns, row);
    const record = this.#readRecord(id);
    if (record.words[record.base + ALLOCATION.status] !== STATUS.live) {
      this.#refuse(columns, row, `allocation ${id} is not live`);
    }
    const { words, base } = this.#writeRecord(id);
    words[base + ALLOCATION.status] = STATUS.freeing;
    this.#editor.counters[C.requests]++;
  }

  /** Requests are numbered from 1 without a gap. */
  #nextRequest(columns: EventColumns, row: number): void {
    const next = this.#editor.counters[C.requests] + 1;
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
    this.#editor.counters[C.failedRequests]++;
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
    const next = counters[C.extents];
    if (status !== STATUS.requested && status !== STATUS.live) {
      this.#refuse(columns, row, `allocation ${id} was not requested`);
    }
    if (status === STATUS.live && first + made !== next) {
      this.#refuse(columns, row, `allocation ${id} gets an extent after another allocation did`);
    }
    this.#expectAll(columns, row, 'claimed', true, 'is not claimed');
    this.#expectAll(columns, row, 'allocated', false, 'is in an allocation already');
    this.#expectKnown(columns, row);
    if (platform.confidential) this.#expectAll(columns, row, 'shared', true, 'is private');

    this.#fill(pfn, pages, 'allocated', true);
    const record = this.#writeRecord(id);
    if (status === STATUS.requested) {
      record.words[record.base + ALLOCATION.status] = STATUS.live;
      record.words[record.base + ALLOCATION.firstExtent] = next;
      counters[C.liveAllocations]++;
      counters[C.liveBytes] += record.words[record.base + ALLOCATION.bytes];
    }
    record.words[record.base + ALLOCATION.extents] = made + 1;
    const leaf = Math.floor(next / EXTENTS_PER_LEAF);
    extents.write(leaf);
    const at = extents.base + (next - leaf * EXTENTS_PER_LEAF) * EXTENT_WORDS;
    extents.words[at + EXTENT.pfn] = pfn;
    extents.words[at + EXTENT.pages] = pages;
    counters[C.extents]++;
    counters[C.livePages] += pages;
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
    const isUndo =
      status === STATUS.live && words[base + ALLOCATION.request] === columns.request[row] && freed < made;
    if (status !== STATUS.freeing && !isUndo) {
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
    counters[C.livePages] -= pages;
    if (status === STATUS.freeing && freed + 1 === made) {
      record.words[record.base + ALLOCATION.status] = STATUS.freed;
      this.#endLife(id);
    }
  }

  #endLife(id: number): void {
    const { counters } = this.#editor;
    const { words, base } = this.#readRecord(id);
    counters[C.liveAllocations]--;
    counters[C.liveBytes] -= words[base + ALLOCATION.bytes];
  }

  #expectKnownAllocation(columns: EventColumns, row: number): void {
    const id = columns.allocation[row];
    if (id === 0 || id > this.#editor.counters[C.lastAllocation]) {
      this.#refuse(columns, row, `allocation ${id} was never requested`);
    }
  }

  #readRecord(id: number): { words: Uint32Array; base: number } {
    const { allocations } = this.#editor;
    const leaf = Math.floor(id / ALLOCATIONS_PER_LEAF);
    allocations.read(leaf);
    return {
      words: allocations.words,
      base: allocations.base + (id - leaf * ALLOCATIONS_PER_LEAF) * ALLOCATION_WORDS,
    };
  }

  #writeRecord(id: number): { words: Uint32Array; base: number } {
    const { allocations } = this.#editor;
    const leaf = Math.floor(id / ALLOCATIONS_PER_LEAF);
    allocations.write(leaf);
    return {
      words: allocations.words,
      base: allocations.base + (id - leaf * ALLOCATIONS_PER_LEAF) * ALLOCATION_WORDS,
    };
  }
}
