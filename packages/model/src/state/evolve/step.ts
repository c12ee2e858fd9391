/** What all parts of the reducer share: the event, the state it is folded into, and common checks. */
import type { BoundaryMap, MappedRange } from '../../direct-map.ts';
import { InvariantError } from '../../errors.ts';
import type { EventColumns } from '../../events/columns.ts';
import { EVENT_TYPES } from '../../events/schema.ts';
import type { Editor } from '../editor.ts';
import { BITMAP, type BlockLayout } from '../layout.ts';
import { mappingLevelAt } from '../mapping.ts';
import { type Bitmap, type BitmapName, fillBits, firstDisagreement, holds, setOf } from '../ranges.ts';

/** One row on its way into the state. The same object is used for all rows. */
export interface Step {
  readonly editor: Editor;
  readonly layout: BlockLayout;
  readonly columns: EventColumns;
  readonly row: number;
  /** The walk over the direct map that refuses a conversion across a large entry. */
  readonly walk: MappedRange & BoundaryMap & { isDecrypting: boolean };
}

export const NO_BITS = 0;
export const CLAIMED = setOf('claimed');
export const SHARED = setOf('shared');
export const UNKNOWN = setOf('unknown');
export const ALLOCATED = setOf('allocated');
export const LEAKED = setOf('leaked');

/** What is wrong with a page whose bit is missing, or set though it must not be. */
const PROBLEMS: Readonly<Record<BitmapName, readonly [missing: string, forbidden: string]>> = {
  claimed: ['is not claimed', 'is already claimed'],
  allocated: ['is not allocated', 'is in an allocation'],
  unknown: ['is not in an unknown state', 'is in an unknown state'],
  leaked: ['was not leaked', 'was leaked'],
  shared: ['is private', 'is shared'],
};

/** Throws the InvariantError that names the event and the rule it breaks. */
export function refuse({ editor, columns, row }: Step, why: string): never {
  const type = EVENT_TYPES[columns.type[row]] ?? `type ${columns.type[row]}`;
  throw new InvariantError(
    `event ${editor.counters.events} (${type}, request ${columns.request[row]}) cannot have happened: ${why}`,
    why,
  );
}

/** The pages of the row lie inside the geometry, and there is at least one. */
export function expectRange(step: Step): void {
  const { columns, row, editor } = step;
  const { spanPages } = editor.geometry;
  const pfn = columns.pfn[row];
  const pages = columns.pages[row];
  if (pages === 0 || pfn + pages > spanPages) {
    refuse(step, `pages ${pfn}..${pfn + pages} are not inside 0..${spanPages}`);
  }
}

/** Every page of the row must have all bits of `required` and none of `forbidden`. */
export function expectPages(step: Step, required: number, forbidden: number): void {
  const { columns, row, editor, layout } = step;
  const pfn = columns.pfn[row];
  const pages = columns.pages[row];
  if (holds(editor, layout, pfn, pages, required, forbidden)) return;
  for (const name of Object.keys(PROBLEMS) as BitmapName[]) {
    const bit = setOf(name);
    if (((required | forbidden) & bit) === 0) continue;
    const isRequired = (required & bit) !== 0;
    const wrong = firstDisagreement(editor, layout, BITMAP[name], pfn, pages, isRequired);
    if (wrong >= 0) refuse(step, `page ${wrong} ${PROBLEMS[name][isRequired ? 0 : 1]}`);
  }
}

/** No page of the row is in a hole of physical memory. For claims only: no page of a hole is ever claimed. */
export function expectRam(step: Step): void {
  const { columns, row, editor } = step;
  const { geometry } = editor;
  const { pagesPerBlock } = geometry;
  const end = columns.pfn[row] + columns.pages[row];
  for (let page = columns.pfn[row]; page < end; page += pagesPerBlock - (page % pagesPerBlock)) {
    if (mappingLevelAt(editor, geometry, page) === 0) {
      refuse(step, `page ${page} is in a hole of physical memory`);
    }
  }
}

/** The row's owner, or cache, has been registered. */
export function expectOwner(step: Step, what: 'owner' | 'cache'): void {
  const number = step.columns.owner[step.row];
  if (number >= step.editor.counters.owners) refuse(step, `${what} ${number} was never registered`);
}

/** The row's allocation has been requested. */
export function expectKnownAllocation(step: Step): void {
  const id = step.columns.allocation[step.row];
  if (id === 0 || id > step.editor.counters.lastAllocation) {
    refuse(step, `allocation ${id} was never requested`);
  }
}

/** Requests are numbered from 1 without a gap. */
export function expectNextRequest(step: Step): void {
  const next = step.editor.counters.requests + 1;
  const request = step.columns.request[step.row];
  if (request !== next) refuse(step, `request ${request} comes where ${next} is next`);
}

/** Sets or clears a bit of every page in a range. */
export function fill(
  { editor, layout }: Step,
  start: number,
  pages: number,
  bitmap: Bitmap,
  set: boolean,
): void {
  const { blocks, geometry } = editor;
  const end = start + pages;
  for (let at = start; at < end; ) {
    const from = at & (geometry.pagesPerBlock - 1);
    const to = Math.min(from + end - at, geometry.pagesPerBlock);
    blocks.write(at >>> layout.blockShift);
    fillBits(blocks, layout, bitmap, from, to, set);
    at += to - from;
  }
}
