/** Slabs, and the objects in them. */
import type { Editor } from '../editor.ts';
import { ALLOCATION, BITMAP, MAX_UNITS, SLAB, STATUS } from '../layout.ts';
import {
  dropExtent,
  editRecord,
  endLife,
  isMapped,
  noteNextExtent,
  seekRecord,
  writeExtent,
} from '../records.ts';
import {
  ALLOCATED,
  CLAIMED,
  expectKnownAllocation,
  expectOwner,
  expectPages,
  expectRange,
  fill,
  LEAKED,
  refuse,
  SHARED,
  type Step,
  UNKNOWN,
} from './step.ts';

const THERE = 1;

/** The allocation's only extent becomes a slab; allocation 0 stands for pages that no allocation holds. */
export function slabCreated(step: Step): void {
  const { columns, row, editor } = step;
  const { counters, geometry, platform, slabs } = editor;
  const id = columns.allocation[row];
  const pfn = columns.pfn[row];
  const pages = columns.pages[row];
  const unitBytes = columns.bytes[row];
  if (id === 0) {
    expectRange(step);
    expectPages(step, platform.confidential ? CLAIMED | SHARED : CLAIMED, ALLOCATED | UNKNOWN | LEAKED);
  }
  const units = unitBytes === 0 ? 0 : Math.floor((pages * 2 ** geometry.pageShift) / unitBytes);
  if (units === 0 || units > MAX_UNITS) {
    refuse(step, `${pages} pages make ${units} units of ${unitBytes} bytes, not 1 to ${MAX_UNITS}`);
  }
  expectOwner(step, 'cache');
  if (id !== 0) {
    takeExtent(step);
    counters.livePages -= pages;
  } else {
    fill(step, pfn, pages, BITMAP.allocated, true);
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
function takeExtent(step: Step): void {
  const { columns, row, editor } = step;
  const id = columns.allocation[row];
  const pfn = columns.pfn[row];
  const pages = columns.pages[row];
  expectKnownAllocation(step);
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  const freed = words[base + ALLOCATION.freedExtents];
  const number = words[base + ALLOCATION.firstExtent] + freed;
  const isTheOne =
    words[base + ALLOCATION.extents] === freed + 1 &&
    words[base + ALLOCATION.nextPfn] === pfn &&
    words[base + ALLOCATION.nextPages] === pages;
  if (words[base + ALLOCATION.status] !== STATUS.live || !isTheOne) {
    refuse(step, `allocation ${id} does not hold just the ${pages} pages at ${pfn}`);
  }
  if (isMapped(words, base)) {
    refuse(step, `allocation ${id} is mapped, so its pages cannot become a slab`);
  }
  dropExtent(editor, number);
  const at = editRecord(editor, id);
  const record = editor.allocations.words;
  record[at + ALLOCATION.freedExtents] = freed + 1;
  noteNextExtent(editor, id);
}

/** The pages of an empty slab pass to the allocation whose object left it last. */
export function slabDestroyed(step: Step): void {
  const { columns, row, editor } = step;
  const { counters, slabs } = editor;
  const id = columns.allocation[row];
  const slab = columns.pfn[row];
  expectKnownAllocation(step);
  expectSlab(step);
  if (slabs.words[slabs.base + SLAB.usedUnits] !== 0) {
    refuse(step, `slab ${slab} still holds objects`);
  }
  const pfn = slabs.words[slabs.base + SLAB.pfn];
  const pages = slabs.words[slabs.base + SLAB.pages];
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  if (words[base + ALLOCATION.status] !== STATUS.freed) {
    refuse(step, `allocation ${id} is not freed, so it cannot give the slab's pages back`);
  }
  slabs.write(slab);
  // What is left of a destroyed slab is zeros: history is not state.
  for (let word = 0; word < SLAB.bitmap; word++) slabs.words[slabs.base + word] = 0;
  const at = editRecord(editor, id);
  const record = editor.allocations.words;
  record[at + ALLOCATION.status] = STATUS.reclaiming;
  record[at + ALLOCATION.firstExtent] = counters.extents;
  record[at + ALLOCATION.extents] = 1;
  record[at + ALLOCATION.freedExtents] = 0;
  record[at + ALLOCATION.emptiedSlab] = 0;
  record[at + ALLOCATION.emptiedBy] = 0;
  writeExtent(editor, counters.extents, pfn, pages);
  noteNextExtent(editor, id);
  counters.extents++;
  counters.liveSlabs--;
  counters.slabPages -= pages;
  counters.livePages += pages;
}

/** Units of a slab go to an allocation that holds nothing else. */
export function objectAllocated(step: Step): void {
  const { columns, row, editor } = step;
  const { counters, slabs } = editor;
  const id = columns.allocation[row];
  const slab = columns.pfn[row];
  const first = columns.pages[row];
  const bytes = columns.bytes[row];
  expectKnownAllocation(step);
  expectSlab(step);
  const unitBytes = slabs.words[slabs.base + SLAB.unitBytes];
  const units = bytes / unitBytes;
  if (!Number.isInteger(units) || units === 0 || first + units > slabs.words[slabs.base + SLAB.units]) {
    refuse(step, `${bytes} bytes from unit ${first} on are not whole units of slab ${slab}`);
  }
  for (let unit = first; unit < first + units; unit++) {
    if (isUsed(editor, unit)) refuse(step, `unit ${unit} of slab ${slab} is in use`);
  }
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  const status = words[base + ALLOCATION.status];
  const isEmpty =
    words[base + ALLOCATION.slab] === 0 &&
    words[base + ALLOCATION.extents] === words[base + ALLOCATION.freedExtents];
  if ((status !== STATUS.requested && status !== STATUS.live) || !isEmpty) {
    refuse(step, `allocation ${id} was not requested, or holds something already`);
  }
  if (words[base + ALLOCATION.bytes] > bytes) {
    refuse(step, `${words[base + ALLOCATION.bytes]} bytes do not fit an object of ${bytes}`);
  }
  slabs.write(slab);
  for (let unit = first; unit < first + units; unit++) {
    slabs.words[slabs.base + SLAB.bitmap + (unit >>> 5)] |= 1 << (unit & 31);
  }
  slabs.words[slabs.base + SLAB.usedUnits] += units;
  const at = editRecord(editor, id);
  const record = editor.allocations.words;
  if (status === STATUS.requested) {
    record[at + ALLOCATION.status] = STATUS.live;
    counters.liveAllocations++;
    counters.liveBytes += record[at + ALLOCATION.bytes];
  }
  record[at + ALLOCATION.slab] = slab;
  record[at + ALLOCATION.units] = first | (units << 16);
  counters.liveObjects++;
}

const isUsed = ({ slabs }: Editor, unit: number): boolean =>
  ((slabs.words[slabs.base + SLAB.bitmap + (unit >>> 5)] >>> (unit & 31)) & 1) === 1;

export function objectFreed(step: Step): void {
  const { columns, row, editor } = step;
  const { counters, slabs } = editor;
  const id = columns.allocation[row];
  expectKnownAllocation(step);
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  const slab = words[base + ALLOCATION.slab];
  if (words[base + ALLOCATION.status] !== STATUS.freeing || slab === 0) {
    refuse(step, `no request frees allocation ${id}, or it is no object`);
  }
  const first = words[base + ALLOCATION.units] & 0xffff;
  const units = words[base + ALLOCATION.units] >>> 16;
  slabs.write(slab);
  for (let unit = first; unit < first + units; unit++) {
    slabs.words[slabs.base + SLAB.bitmap + (unit >>> 5)] &= ~(1 << (unit & 31));
  }
  slabs.words[slabs.base + SLAB.usedUnits] -= units;
  const isLast = slabs.words[slabs.base + SLAB.usedUnits] === 0;
  const at = editRecord(editor, id);
  const record = editor.allocations.words;
  record[at + ALLOCATION.slab] = 0;
  record[at + ALLOCATION.units] = 0;
  record[at + ALLOCATION.status] = STATUS.freed;
  if (isLast) {
    record[at + ALLOCATION.emptiedSlab] = slab;
    record[at + ALLOCATION.emptiedBy] = columns.request[row];
  } else editor.allocations.release(id);
  counters.liveObjects--;
  endLife(editor, id);
}

/** Points the slabs' cursor at the row's slab. */
function expectSlab(step: Step): void {
  const { columns, row, editor } = step;
  const { counters, slabs } = editor;
  const slab = columns.pfn[row];
  if (slab === 0 || slab > counters.slabs) refuse(step, `slab ${slab} was never created`);
  slabs.read(slab);
  if (slabs.words[slabs.base + SLAB.status] !== THERE) {
    refuse(step, `slab ${slab} was destroyed`);
  }
}
