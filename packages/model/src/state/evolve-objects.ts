/**
 * The part of the reducer that is about what lies above pages: slabs and their objects, vmalloc areas, mappings into
 * user space. As in all of it, a case first proves that its event can have happened and only then writes.
 */
import type { EventColumns } from '../events/columns.ts';
import type { Editor } from './editor.ts';
import {
  ALLOCATION,
  AREA_MAPPED,
  EXTENT,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  EXTENTS_SHIFT,
  MAX_UNITS,
  SLAB,
  STATUS,
} from './layout.ts';
import {
  endLife,
  expectKnownAllocation,
  fillsPages,
  isMapped,
  readRecord,
  refuse,
  writeExtent,
  writeRecord,
} from './records.ts';

const THERE = 1;

/** The allocation's only extent becomes a slab; allocation 0 stands for pages that no allocation holds. */
export function slabCreated(editor: Editor, columns: EventColumns, row: number): void {
  const { counters, geometry, slabs } = editor;
  const id = columns.allocation[row];
  const pfn = columns.pfn[row];
  const pages = columns.pages[row];
  const unitBytes = columns.bytes[row];
  const units = unitBytes === 0 ? 0 : Math.floor((pages * 2 ** geometry.pageShift) / unitBytes);
  if (units === 0 || units > MAX_UNITS) {
    refuse(
      editor,
      columns,
      row,
      `${pages} pages make ${units} units of ${unitBytes} bytes, not 1 to ${MAX_UNITS}`,
    );
  }
  if (columns.owner[row] >= counters.owners) {
    refuse(editor, columns, row, `cache ${columns.owner[row]} was never registered`);
  }
  if (id !== 0) {
    takeExtent(editor, columns, row);
    counters.livePages -= pages;
  }
  counters.slabs++;
  slabs.write(counters.slabs);
  const slab = slabs.base;
  slabs.words[slab + SLAB.status] = THERE;
  slabs.words[slab + SLAB.pfn] = pfn;
  slabs.words[slab + SLAB.pages] = pages;
  slabs.words[slab + SLAB.cache] = columns.owner[row];
  slabs.words[slab + SLAB.unitBytes] = unitBytes;
  slabs.words[slab + SLAB.units] = units;
  counters.liveSlabs++;
  counters.slabPages += pages;
}

/** Takes away the one extent that the row's allocation holds. */
function takeExtent(editor: Editor, columns: EventColumns, row: number): void {
  const id = columns.allocation[row];
  const pfn = columns.pfn[row];
  const pages = columns.pages[row];
  expectKnownAllocation(editor, columns, row);
  const { words, base } = readRecord(editor, id);
  const freed = words[base + ALLOCATION.freedExtents];
  const number = words[base + ALLOCATION.firstExtent] + freed;
  const holdsOne = words[base + ALLOCATION.extents] === freed + 1;
  if (words[base + ALLOCATION.status] !== STATUS.live || !holdsOne || !isExtent(editor, number, pfn, pages)) {
    refuse(editor, columns, row, `allocation ${id} does not hold just the ${pages} pages at ${pfn}`);
  }
  if (isMapped(words, base)) {
    refuse(editor, columns, row, `allocation ${id} is mapped, so its pages cannot become a slab`);
  }
  writeExtent(editor, number, 0, 0);
  const record = writeRecord(editor, id);
  record.words[record.base + ALLOCATION.freedExtents] = freed + 1;
}

function isExtent({ extents }: Editor, number: number, pfn: number, pages: number): boolean {
  extents.read(number >>> EXTENTS_SHIFT);
  const at = extents.base + (number & (EXTENTS_PER_LEAF - 1)) * EXTENT_WORDS;
  return extents.words[at + EXTENT.pfn] === pfn && extents.words[at + EXTENT.pages] === pages;
}

/** The pages of an empty slab pass to the allocation whose object left it last. */
export function slabDestroyed(editor: Editor, columns: EventColumns, row: number): void {
  const { counters, slabs } = editor;
  const id = columns.allocation[row];
  const slab = columns.pfn[row];
  expectKnownAllocation(editor, columns, row);
  expectSlab(editor, columns, row);
  if (slabs.words[slabs.base + SLAB.usedUnits] !== 0) {
    refuse(editor, columns, row, `slab ${slab} still holds objects`);
  }
  const pfn = slabs.words[slabs.base + SLAB.pfn];
  const pages = slabs.words[slabs.base + SLAB.pages];
  const { words, base } = readRecord(editor, id);
  if (words[base + ALLOCATION.status] !== STATUS.freed) {
    refuse(editor, columns, row, `allocation ${id} is not freed, so it cannot give the slab's pages back`);
  }
  slabs.write(slab);
  // What is left of a destroyed slab is zeros: history is not state.
  for (let word = 0; word < SLAB.bitmap; word++) slabs.words[slabs.base + word] = 0;
  const record = writeRecord(editor, id);
  record.words[record.base + ALLOCATION.status] = STATUS.reclaiming;
  record.words[record.base + ALLOCATION.firstExtent] = counters.extents;
  record.words[record.base + ALLOCATION.extents] = 1;
  record.words[record.base + ALLOCATION.freedExtents] = 0;
  record.words[record.base + ALLOCATION.units] = 0;
  writeExtent(editor, counters.extents, pfn, pages);
  counters.extents++;
  counters.liveSlabs--;
  counters.slabPages -= pages;
  counters.livePages += pages;
}

/** Units of a slab go to an allocation that holds nothing else. */
export function objectAllocated(editor: Editor, columns: EventColumns, row: number): void {
  const { counters, slabs } = editor;
  const id = columns.allocation[row];
  const slab = columns.pfn[row];
  const first = columns.pages[row];
  const bytes = columns.bytes[row];
  expectKnownAllocation(editor, columns, row);
  expectSlab(editor, columns, row);
  const unitBytes = slabs.words[slabs.base + SLAB.unitBytes];
  const units = bytes / unitBytes;
  if (!Number.isInteger(units) || units === 0 || first + units > slabs.words[slabs.base + SLAB.units]) {
    refuse(editor, columns, row, `${bytes} bytes from unit ${first} on are not whole units of slab ${slab}`);
  }
  for (let unit = first; unit < first + units; unit++) {
    if (isUsed(editor, unit)) refuse(editor, columns, row, `unit ${unit} of slab ${slab} is in use`);
  }
  const { words, base } = readRecord(editor, id);
  const status = words[base + ALLOCATION.status];
  const isEmpty =
    words[base + ALLOCATION.slab] === 0 &&
    words[base + ALLOCATION.extents] === words[base + ALLOCATION.freedExtents];
  if ((status !== STATUS.requested && status !== STATUS.live) || !isEmpty) {
    refuse(editor, columns, row, `allocation ${id} was not requested, or holds something already`);
  }
  if (words[base + ALLOCATION.bytes] > bytes) {
    refuse(editor, columns, row, `${words[base + ALLOCATION.bytes]} bytes do not fit an object of ${bytes}`);
  }
  slabs.write(slab);
  for (let unit = first; unit < first + units; unit++) {
    slabs.words[slabs.base + SLAB.bitmap + (unit >>> 5)] |= 1 << (unit & 31);
  }
  slabs.words[slabs.base + SLAB.usedUnits] += units;
  const record = writeRecord(editor, id);
  if (status === STATUS.requested) {
    record.words[record.base + ALLOCATION.status] = STATUS.live;
    counters.liveAllocations++;
    counters.liveBytes += record.words[record.base + ALLOCATION.bytes];
  }
  record.words[record.base + ALLOCATION.slab] = slab;
  record.words[record.base + ALLOCATION.units] = first | (units << 16);
  counters.liveObjects++;
}

const isUsed = ({ slabs }: Editor, unit: number): boolean =>
  ((slabs.words[slabs.base + SLAB.bitmap + (unit >>> 5)] >>> (unit & 31)) & 1) === 1;

export function objectFreed(editor: Editor, columns: EventColumns, row: number): void {
  const { counters, slabs } = editor;
  const id = columns.allocation[row];
  expectKnownAllocation(editor, columns, row);
  const { words, base } = readRecord(editor, id);
  const slab = words[base + ALLOCATION.slab];
  if (words[base + ALLOCATION.status] !== STATUS.freeing || slab === 0) {
    refuse(editor, columns, row, `nobody asked to free allocation ${id}, or it is no object`);
  }
  const first = words[base + ALLOCATION.units] & 0xffff;
  const units = words[base + ALLOCATION.units] >>> 16;
  slabs.write(slab);
  for (let unit = first; unit < first + units; unit++) {
    slabs.words[slabs.base + SLAB.bitmap + (unit >>> 5)] &= ~(1 << (unit & 31));
  }
  slabs.words[slabs.base + SLAB.usedUnits] -= units;
  const isLast = slabs.words[slabs.base + SLAB.usedUnits] === 0;
  const record = writeRecord(editor, id);
  record.words[record.base + ALLOCATION.slab] = 0;
  record.words[record.base + ALLOCATION.units] = isLast ? slab : 0;
  if (isLast) record.words[record.base + ALLOCATION.firstExtent] = columns.request[row];
  record.words[record.base + ALLOCATION.status] = STATUS.freed;
  counters.liveObjects--;
  endLife(editor, id);
}

/** Points the slabs' cursor at the row's slab. */
function expectSlab(editor: Editor, columns: EventColumns, row: number): void {
  const { counters, slabs } = editor;
  const slab = columns.pfn[row];
  if (slab === 0 || slab > counters.slabs) refuse(editor, columns, row, `slab ${slab} was never created`);
  slabs.read(slab);
  if (slabs.words[slabs.base + SLAB.status] !== THERE) {
    refuse(editor, columns, row, `slab ${slab} was destroyed`);
  }
}

/** A vmalloc area maps all pages of an allocation, or no longer does. */
export function vmAreaChanged(editor: Editor, columns: EventColumns, row: number, map: boolean): void {
  const { counters } = editor;
  const id = columns.allocation[row];
  expectKnownAllocation(editor, columns, row);
  const { words, base } = readRecord(editor, id);
  const status = words[base + ALLOCATION.status];
  const isInArea = (words[base + ALLOCATION.api] & AREA_MAPPED) !== 0;
  if (status !== (map ? STATUS.live : STATUS.freeing) || isInArea === map) {
    refuse(
      editor,
      columns,
      row,
      `allocation ${id} ${map ? 'is not live, or mapped already' : 'is not mapped, or not being freed'}`,
    );
  }
  const pages = pagesHeld(editor, id);
  if (pages === 0) refuse(editor, columns, row, `allocation ${id} holds no pages`);
  if (pages !== columns.pages[row]) {
    refuse(editor, columns, row, `allocation ${id} holds ${pages} pages, not ${columns.pages[row]}`);
  }
  const record = writeRecord(editor, id);
  record.words[record.base + ALLOCATION.api] ^= AREA_MAPPED;
  counters.vmAreaPages += map ? pages : -pages;
}

function pagesHeld(editor: Editor, id: number): number {
  const { words, base } = readRecord(editor, id);
  const first = words[base + ALLOCATION.firstExtent];
  const from = first + words[base + ALLOCATION.freedExtents];
  const end = first + words[base + ALLOCATION.extents];
  let pages = 0;
  for (let number = from; number < end; number++) {
    editor.extents.read(number >>> EXTENTS_SHIFT);
    pages +=
      editor.extents.words[
        editor.extents.base + (number & (EXTENTS_PER_LEAF - 1)) * EXTENT_WORDS + EXTENT.pages
      ];
  }
  return pages;
}

/** A user mapping of a live allocation begins or ends. The row is a request of its own. */
export function userMappingChanged(editor: Editor, columns: EventColumns, row: number, map: boolean): void {
  const { counters } = editor;
  const id = columns.allocation[row];
  expectKnownAllocation(editor, columns, row);
  const { words, base } = readRecord(editor, id);
  const mappings = words[base + ALLOCATION.userMappings];
  if (words[base + ALLOCATION.status] !== STATUS.live) {
    refuse(editor, columns, row, `allocation ${id} is not live`);
  }
  const slab = words[base + ALLOCATION.slab];
  if (slab !== 0 && !fillsPages(editor, editor.geometry, slab, words[base + ALLOCATION.units])) {
    refuse(editor, columns, row, `allocation ${id} is an object that shares its page with others`);
  }
  if (slab === 0 && words[base + ALLOCATION.extents] === words[base + ALLOCATION.freedExtents]) {
    refuse(editor, columns, row, `allocation ${id} holds no pages`);
  }
  if (!map && mappings === 0) refuse(editor, columns, row, `allocation ${id} is not mapped into user space`);
  const record = writeRecord(editor, id);
  record.words[record.base + ALLOCATION.userMappings] = mappings + (map ? 1 : -1);
  counters.userMappings += map ? 1 : -1;
  counters.userMapRequests++;
  counters.requests++;
}
