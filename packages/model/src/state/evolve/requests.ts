/** Owners, and the requests that callers make. */
import { SKIPPED } from '../../events/schema.ts';
import { ALLOCATION, STATUS } from '../layout.ts';
import { editRecord, endLife, fillsPages, seekRecord } from '../records.ts';
import { expectKnownAllocation, expectNextRequest, expectOwner, refuse, type Step } from './step.ts';

export function ownerRegistered(step: Step): void {
  const { columns, row, editor } = step;
  const { counters } = editor;
  if (columns.owner[row] !== counters.owners) {
    refuse(step, `owner ${columns.owner[row]} comes where ${counters.owners} is next`);
  }
  editor.addOwner(columns.names.get(row) ?? '');
  counters.owners++;
}

export function allocationRequested(step: Step): void {
  const { columns, row, editor } = step;
  const { counters, geometry } = editor;
  const id = columns.allocation[row];
  const pages = columns.pages[row];
  expectOwner(step, 'owner');
  if (pages === 0 || columns.bytes[row] > pages * (1 << geometry.pageShift)) {
    refuse(step, `${columns.bytes[row]} bytes do not fit in ${pages} pages`);
  }
  expectNextRequest(step);
  // No gaps: a hostile id cannot make the table of allocations huge.
  if (id !== counters.lastAllocation + 1) {
    refuse(step, `allocation ${id} comes where ${counters.lastAllocation + 1} is next`);
  }
  const base = editRecord(editor, id);
  const { words } = editor.allocations;
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

export function freeRequested(step: Step): void {
  const { columns, row, editor } = step;
  const id = columns.allocation[row];
  expectNextRequest(step);
  expectKnownAllocation(step);
  const base = editRecord(editor, id);
  const { words } = editor.allocations;
  const holdsPages = words[base + ALLOCATION.freedExtents] < words[base + ALLOCATION.extents];
  const isObject = words[base + ALLOCATION.slab] !== 0;
  if (words[base + ALLOCATION.status] !== STATUS.live || !(holdsPages || isObject)) {
    refuse(step, `allocation ${id} is not live`);
  }
  if (words[base + ALLOCATION.userMappings] !== 0) {
    refuse(step, `allocation ${id} is mapped into user space`);
  }
  words[base + ALLOCATION.status] = STATUS.freeing;
  editor.counters.requests++;
}

/** Only requests about refused allocations are skipped. The state does not count the chunks that others were refused. */
export function requestSkipped(step: Step): void {
  const { columns, row, editor } = step;
  if (SKIPPED[columns.code[row]] === 'background-free') return;
  expectKnownAllocation(step);
  const id = columns.allocation[row];
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  if (words[base + ALLOCATION.status] !== STATUS.failed) {
    refuse(step, `allocation ${id} was not refused: its requests are not skipped`);
  }
}

export function allocationFailed(step: Step): void {
  const { columns, row, editor } = step;
  const id = columns.allocation[row];
  expectKnownAllocation(step);
  const base = editRecord(editor, id);
  const { words } = editor.allocations;
  const status = words[base + ALLOCATION.status];
  const isEmpty =
    words[base + ALLOCATION.slab] === 0 &&
    words[base + ALLOCATION.extents] === words[base + ALLOCATION.freedExtents];
  if ((status !== STATUS.requested && status !== STATUS.live) || !isEmpty) {
    refuse(step, `allocation ${id} was not requested, or holds pages or an object`);
  }
  if (status === STATUS.live) endLife(editor, id);
  words[base + ALLOCATION.status] = STATUS.failed;
  editor.counters.failedRequests++;
}

/** A user mapping of a live allocation begins or ends. */
export function userMappingChanged(step: Step, isMapped: boolean): void {
  const { columns, row, editor } = step;
  const { counters } = editor;
  const id = columns.allocation[row];
  expectNextRequest(step);
  expectKnownAllocation(step);
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  const mappings = words[base + ALLOCATION.userMappings];
  if (words[base + ALLOCATION.status] !== STATUS.live) refuse(step, `allocation ${id} is not live`);
  const slab = words[base + ALLOCATION.slab];
  if (slab !== 0 && !fillsPages(editor, editor.geometry, slab, words[base + ALLOCATION.units])) {
    refuse(step, `allocation ${id} is an object that shares its page with others`);
  }
  if (slab === 0 && words[base + ALLOCATION.extents] === words[base + ALLOCATION.freedExtents]) {
    refuse(step, `allocation ${id} holds no pages`);
  }
  if (!isMapped && mappings === 0) refuse(step, `allocation ${id} is not mapped into user space`);
  const at = editRecord(editor, id);
  const record = editor.allocations.words;
  record[at + ALLOCATION.userMappings] = mappings + (isMapped ? 1 : -1);
  counters.userMappings += isMapped ? 1 : -1;
  counters.userMapRequests++;
  counters.requests++;
}
