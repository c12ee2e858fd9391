/** Where the record of an allocation or an extent lies. */
import type { Geometry } from '../geometry.ts';
import type { Editor, StateTables } from './editor.ts';
import {
  ALLOCATION,
  AREA_MAPPED,
  EXTENT,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  EXTENTS_SHIFT,
  SLAB,
} from './layout.ts';
import type { Words } from './word-table.ts';

/** Points the cursor of the allocations at a record, for reading; gives where it begins in the cursor's words. */
export function seekRecord({ allocations }: StateTables, id: number): number {
  allocations.read(id);
  return allocations.base;
}

/** The same, for reading and writing. Called once for an event, even before that is proved to be possible. */
export function editRecord({ allocations }: Editor, id: number): number {
  allocations.write(id);
  return allocations.base;
}

/** Whether the pages of the allocation whose record begins at `base` are mapped, in a vmalloc area or into user space. */
export const isMapped = (words: Words, base: number): boolean =>
  (words[base + ALLOCATION.api] & AREA_MAPPED) !== 0 || words[base + ALLOCATION.userMappings] !== 0;

/** The same for an extent. */
export function seekExtent({ extents }: StateTables, number: number): number {
  extents.read(number >>> EXTENTS_SHIFT);
  return extents.base + (number & (EXTENTS_PER_LEAF - 1)) * EXTENT_WORDS;
}

export function writeExtent({ extents }: Editor, number: number, pfn: number, pages: number): void {
  extents.write(number >>> EXTENTS_SHIFT);
  const at = extents.base + (number & (EXTENTS_PER_LEAF - 1)) * EXTENT_WORDS;
  extents.words[at + EXTENT.pfn] = pfn;
  extents.words[at + EXTENT.pages] = pages;
}

/** An extent is given up. Its leaf is released with the last of its extents: one that is held has pages. */
export function dropExtent(editor: Editor, number: number): void {
  writeExtent(editor, number, 0, 0);
  const { counters, extents } = editor;
  if ((number | (EXTENTS_PER_LEAF - 1)) >= counters.extents) return;
  for (let i = 0; i < EXTENTS_PER_LEAF; i++) {
    if (extents.words[extents.base + i * EXTENT_WORDS + EXTENT.pages] !== 0) return;
  }
  extents.release(number >>> EXTENTS_SHIFT);
}

/** Copies the extent that is freed next into the record of its allocation. */
export function noteNextExtent(editor: Editor, id: number): void {
  const base = editRecord(editor, id);
  const { words } = editor.allocations;
  const freed = words[base + ALLOCATION.freedExtents];
  const isLast = freed === words[base + ALLOCATION.extents];
  const at = isLast ? 0 : seekExtent(editor, words[base + ALLOCATION.firstExtent] + freed);
  words[base + ALLOCATION.nextPfn] = isLast ? 0 : editor.extents.words[at + EXTENT.pfn];
  words[base + ALLOCATION.nextPages] = isLast ? 0 : editor.extents.words[at + EXTENT.pages];
}

/** The allocation is no longer live; its pages, if any, are counted elsewhere. */
export function endLife(editor: Editor, id: number): void {
  const base = seekRecord(editor, id);
  const { words } = editor.allocations;
  editor.counters.liveAllocations--;
  editor.counters.liveBytes -= words[base + ALLOCATION.bytes];
}

/** Whether units of a slab, packed as in a record, begin and end with a page. */
export function fillsPages(tables: StateTables, geometry: Geometry, slab: number, packed: number): boolean {
  tables.slabs.read(slab);
  const unitBytes = tables.slabs.words[tables.slabs.base + SLAB.unitBytes];
  const pageBytes = 2 ** geometry.pageShift;
  const first = (packed & 0xffff) * unitBytes;
  const bytes = (packed >>> 16) * unitBytes;
  return first % pageBytes === 0 && bytes % pageBytes === 0;
}
