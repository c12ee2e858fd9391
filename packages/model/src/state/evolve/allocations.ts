/** Extents that allocations get and give back. */
import { ALLOCATION, AREA_MAPPED, BITMAP, STATUS } from '../layout.ts';
import { dropExtent, editRecord, endLife, isMapped, noteNextExtent, writeExtent } from '../records.ts';
import {
  ALLOCATED,
  CLAIMED,
  expectKnownAllocation,
  expectPages,
  expectRange,
  fill,
  LEAKED,
  refuse,
  SHARED,
  type Step,
  UNKNOWN,
} from './step.ts';

export function pagesAllocated(step: Step): void {
  const { columns, row, editor } = step;
  const { counters, platform } = editor;
  const id = columns.allocation[row];
  const pfn = columns.pfn[row];
  const pages = columns.pages[row];
  expectRange(step);
  expectKnownAllocation(step);
  const base = editRecord(editor, id);
  const { words } = editor.allocations;
  const status = words[base + ALLOCATION.status];
  const made = words[base + ALLOCATION.extents];
  const first = words[base + ALLOCATION.firstExtent];
  const next = counters.extents;
  if (status !== STATUS.requested && status !== STATUS.live)
    refuse(step, `allocation ${id} was not requested`);
  if (status === STATUS.live && first + made !== next) {
    refuse(step, `allocation ${id} gets an extent after another allocation did`);
  }
  if (isMapped(words, base) || words[base + ALLOCATION.slab] !== 0) {
    refuse(step, `allocation ${id} is mapped already, or an object in a slab`);
  }
  const required = platform.confidential ? CLAIMED | SHARED : CLAIMED;
  expectPages(step, required, ALLOCATED | UNKNOWN | LEAKED);

  fill(step, pfn, pages, BITMAP.allocated, true);
  if (status === STATUS.requested) {
    words[base + ALLOCATION.status] = STATUS.live;
    words[base + ALLOCATION.firstExtent] = next;
    counters.liveAllocations++;
    counters.liveBytes += words[base + ALLOCATION.bytes];
  }
  if (words[base + ALLOCATION.freedExtents] === made) {
    words[base + ALLOCATION.nextPfn] = pfn;
    words[base + ALLOCATION.nextPages] = pages;
  }
  words[base + ALLOCATION.extents] = made + 1;
  writeExtent(editor, next, pfn, pages);
  counters.extents++;
  counters.livePages += pages;
}

export function pagesFreed(step: Step): void {
  const { columns, row, editor } = step;
  const { counters } = editor;
  const id = columns.allocation[row];
  expectKnownAllocation(step);
  const base = editRecord(editor, id);
  const { words } = editor.allocations;
  const status = words[base + ALLOCATION.status];
  const made = words[base + ALLOCATION.extents];
  const freed = words[base + ALLOCATION.freedExtents];
  // A live allocation loses pages without a free request only while its own request is being undone.
  const isUndo = status === STATUS.live && words[base + ALLOCATION.request] === columns.request[row];
  const isGoing = status === STATUS.freeing || status === STATUS.reclaiming;
  if (freed === made || !(isGoing || isUndo)) refuse(step, `no request frees allocation ${id}`);
  if ((words[base + ALLOCATION.api] & AREA_MAPPED) !== 0) {
    refuse(step, `allocation ${id} is still mapped in a vmalloc area`);
  }
  if (words[base + ALLOCATION.userMappings] !== 0) {
    refuse(step, `allocation ${id} is mapped into user space`);
  }
  const pfn = words[base + ALLOCATION.nextPfn];
  const pages = words[base + ALLOCATION.nextPages];
  if (pfn !== columns.pfn[row] || pages !== columns.pages[row]) {
    refuse(
      step,
      `the next extent of allocation ${id} is ${pages} pages at ${pfn}, not ${columns.pages[row]} at ${columns.pfn[row]}`,
    );
  }
  fill(step, pfn, pages, BITMAP.allocated, false);
  dropExtent(editor, words[base + ALLOCATION.firstExtent] + freed);
  words[base + ALLOCATION.freedExtents] = freed + 1;
  if (freed + 1 < made) noteNextExtent(editor, id);
  else {
    words[base + ALLOCATION.nextPfn] = 0;
    words[base + ALLOCATION.nextPages] = 0;
  }
  counters.livePages -= pages;
  if (isGoing && freed + 1 === made) {
    words[base + ALLOCATION.status] = STATUS.freed;
    if (status === STATUS.freeing) endLife(editor, id);
    editor.allocations.release(id);
  }
}
