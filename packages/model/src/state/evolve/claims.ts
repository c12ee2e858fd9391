/** Pages that come from the page allocator and go back to it: the pool's, and those of others. */
import { TYPE } from '../../events/schema.ts';
import { BITMAP } from '../layout.ts';
import {
  ALLOCATED,
  CLAIMED,
  expectOwner,
  expectPages,
  expectRam,
  expectRange,
  fill,
  LEAKED,
  NO_BITS,
  refuse,
  SHARED,
  type Step,
  UNKNOWN,
} from './step.ts';

export function pagesClaimed(step: Step): void {
  const { columns, row, editor } = step;
  expectRange(step);
  expectRam(step);
  expectPages(step, NO_BITS, CLAIMED);
  fill(step, columns.pfn[row], columns.pages[row], BITMAP.claimed, true);
  editor.counters.claimedPages += columns.pages[row];
}

export function pagesReturned(step: Step): void {
  const { columns, row, editor } = step;
  expectRange(step);
  expectPages(step, CLAIMED, ALLOCATED | SHARED | UNKNOWN | LEAKED);
  fill(step, columns.pfn[row], columns.pages[row], BITMAP.claimed, false);
  editor.counters.claimedPages -= columns.pages[row];
}

export function pagesLeaked(step: Step): void {
  const { columns, row, editor } = step;
  expectRange(step);
  expectPages(step, CLAIMED | UNKNOWN, ALLOCATED | LEAKED);
  expectOwner(step, 'owner');
  fill(step, columns.pfn[row], columns.pages[row], BITMAP.leaked, true);
  editor.counters.leakedPages += columns.pages[row];
}

/** Others take or give back pages. */
export function backgroundChanged(step: Step): void {
  const { columns, row, editor } = step;
  const { counters } = editor;
  const pages = columns.pages[row];
  expectRange(step);
  expectRam(step);
  expectPages(step, NO_BITS, CLAIMED);
  const isFree = columns.type[row] === TYPE.backgroundFreed;
  if (isFree && counters.backgroundPages < pages) {
    refuse(step, `others hold ${counters.backgroundPages} pages only`);
  }
  counters.backgroundPages += isFree ? -pages : pages;
}

/** Page tables, page cache: pages that the pool does not hold. */
export function othersChanged(step: Step): void {
  expectRange(step);
  expectRam(step);
  expectPages(step, NO_BITS, CLAIMED);
}

export function blockCompacted(step: Step): void {
  const { columns, row, editor } = step;
  expectRange(step);
  editor.counters.compactions++;
  editor.counters.movedPages += columns.pages[row];
}
