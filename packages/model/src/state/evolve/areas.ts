/** vmalloc areas: the mapping of an allocation's pages one behind the other. */
import { ALLOCATION, AREA_MAPPED, EXTENT, STATUS } from '../layout.ts';
import { editRecord, seekExtent, seekRecord } from '../records.ts';
import { expectKnownAllocation, refuse, type Step } from './step.ts';

/** A vmalloc area maps all pages of an allocation, or no longer does. */
export function vmAreaChanged(step: Step, isMapped: boolean): void {
  const { columns, row, editor } = step;
  const id = columns.allocation[row];
  expectKnownAllocation(step);
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  const status = words[base + ALLOCATION.status];
  const wasMapped = (words[base + ALLOCATION.api] & AREA_MAPPED) !== 0;
  if (status !== (isMapped ? STATUS.live : STATUS.freeing) || wasMapped === isMapped) {
    const why = isMapped ? 'is not live, or mapped already' : 'is not mapped, or not being freed';
    refuse(step, `allocation ${id} ${why}`);
  }
  const pages = pagesHeld(step, id);
  if (pages === 0) refuse(step, `allocation ${id} holds no pages`);
  if (pages !== columns.pages[row]) {
    refuse(step, `allocation ${id} holds ${pages} pages, not ${columns.pages[row]}`);
  }
  const at = editRecord(editor, id);
  const record = editor.allocations.words;
  record[at + ALLOCATION.api] ^= AREA_MAPPED;
  editor.counters.vmAreaPages += isMapped ? pages : -pages;
}

function pagesHeld({ editor }: Step, id: number): number {
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  const first = words[base + ALLOCATION.firstExtent];
  const end = first + words[base + ALLOCATION.extents];
  let pages = 0;
  for (let number = first + words[base + ALLOCATION.freedExtents]; number < end; number++) {
    const at = seekExtent(editor, number);
    pages += editor.extents.words[at + EXTENT.pages];
  }
  return pages;
}
