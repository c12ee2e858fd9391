/** Where the record of an allocation or an extent lies, and how an event is refused: what all parts of the reducer share. */
import { InvariantError } from '../errors.ts';
import type { EventColumns } from '../events/columns.ts';
import { EVENT_TYPES } from '../events/schema.ts';
import type { Geometry } from '../geometry.ts';
import type { Editor, StateTables } from './editor.ts';
import {
  ALLOCATION,
  ALLOCATION_WORDS,
  ALLOCATIONS_PER_LEAF,
  ALLOCATIONS_SHIFT,
  AREA_MAPPED,
  EXTENT,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  EXTENTS_SHIFT,
  SLAB,
} from './layout.ts';
import type { Words } from './word-table.ts';

/** Throws the InvariantError that names the event and the rule it breaks. */
export function refuse(editor: Editor, columns: EventColumns, row: number, why: string): never {
  const type = EVENT_TYPES[columns.type[row]] ?? `type ${columns.type[row]}`;
  throw new InvariantError(
    `event ${editor.counters.events} (${type}, request ${columns.request[row]}) cannot have happened: ${why}`,
    why,
  );
}

/** Refuses an event about an allocation that nobody asked for. */
export function expectKnownAllocation(editor: Editor, columns: EventColumns, row: number): void {
  const id = columns.allocation[row];
  if (id === 0 || id > editor.counters.lastAllocation) {
    refuse(editor, columns, row, `allocation ${id} was never requested`);
  }
}

/** An allocation's record, for reading. */
export function readRecord({ allocations }: Editor, id: number): { words: Words; base: number } {
  allocations.read(id >>> ALLOCATIONS_SHIFT);
  return {
    words: allocations.words,
    base: allocations.base + (id & (ALLOCATIONS_PER_LEAF - 1)) * ALLOCATION_WORDS,
  };
}

/**
 * An allocation's record, for reading and writing: what an event is going to change is looked up once, also if it is still
 * to be proved that the event can have happened.
 */
export function writeRecord({ allocations }: Editor, id: number): { words: Words; base: number } {
  allocations.write(id >>> ALLOCATIONS_SHIFT);
  return {
    words: allocations.words,
    base: allocations.base + (id & (ALLOCATIONS_PER_LEAF - 1)) * ALLOCATION_WORDS,
  };
}

/** Whether the pages of the allocation whose record begins at `base` are mapped, in a vmalloc area or into user space. */
export const isMapped = (words: Words, base: number): boolean =>
  (words[base + ALLOCATION.api] & AREA_MAPPED) !== 0 || words[base + ALLOCATION.userMappings] !== 0;

/** Writes an extent; zeros for one that is given up. */
export function writeExtent({ extents }: Editor, number: number, pfn: number, pages: number): void {
  extents.write(number >>> EXTENTS_SHIFT);
  const at = extents.base + (number & (EXTENTS_PER_LEAF - 1)) * EXTENT_WORDS;
  extents.words[at + EXTENT.pfn] = pfn;
  extents.words[at + EXTENT.pages] = pages;
}

/** The allocation is no longer live; its pages, if any, are counted elsewhere. */
export function endLife(editor: Editor, id: number): void {
  const { words, base } = readRecord(editor, id);
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
