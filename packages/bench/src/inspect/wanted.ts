/** What a search in a log looks for. */
import { EVENT_TYPES, type EventBatch, type Geometry, TYPE } from '@decpool/model';
import { printable } from '../text/printable.ts';
import { regionPages } from './event-text.ts';
import { overlap } from './holdings.ts';

export type Wanted =
  | { readonly kind: 'type'; readonly type: number }
  | { readonly kind: 'failure' }
  | { readonly kind: 'split' }
  | { readonly kind: 'block'; readonly block: number }
  | { readonly kind: 'allocation'; readonly allocation: number }
  /** Requests of owners whose name has this text in it, whatever the case, and pages leaked for them. */
  | { readonly kind: 'owner'; readonly text: string };

export function wantedText(wanted: Wanted): string {
  switch (wanted.kind) {
    case 'type':
      return EVENT_TYPES[wanted.type];
    case 'failure':
      return 'a failure';
    case 'split':
      return 'a split';
    case 'block':
      return `an event about block ${wanted.block}`;
    case 'allocation':
      return `an event about allocation ${wanted.allocation}`;
    case 'owner':
      return `a request of an owner like '${printable(wanted.text)}'`;
  }
}

const FAILURES: ReadonlySet<number> = new Set([
  TYPE.allocationFailed,
  TYPE.conversionFailed,
  TYPE.pagesLeaked,
  TYPE.backgroundFailed,
]);
const SPLITS: ReadonlySet<number> = new Set([TYPE.largePageSplit, TYPE.contiguousSplit]);

/** Types whose column of allocations holds something else, or nothing. */
const NO_ALLOCATION: ReadonlySet<number> = new Set([TYPE.backgroundFailed]);

/** Types that name pages in the columns `pfn` and `pages`. */
export const HAS_PLACE: ReadonlySet<number> = new Set([
  TYPE.pagesClaimed,
  TYPE.pagesReturned,
  TYPE.largePageSplit,
  TYPE.largePageRestored,
  TYPE.pagesDecrypted,
  TYPE.pagesEncrypted,
  TYPE.conversionFailed,
  TYPE.pagesAllocated,
  TYPE.pagesFreed,
  TYPE.pagesLeaked,
  TYPE.slabCreated,
  TYPE.vmAreaDecrypted,
  TYPE.vmAreaEncrypted,
  TYPE.contiguousSplit,
  TYPE.backgroundAllocated,
  TYPE.backgroundFreed,
  TYPE.blockCompacted,
]);

/** Whether a row is what is wanted. Not of owners: whose request it is no row of a free says. */
export function isWanted(
  wanted: Exclude<Wanted, { kind: 'owner' }>,
  geometry: Geometry,
  batch: EventBatch,
  row: number,
): boolean {
  const type = batch.typeAt(row);
  switch (wanted.kind) {
    case 'type':
      return type === wanted.type;
    case 'failure':
      return FAILURES.has(type);
    case 'split':
      return SPLITS.has(type);
    case 'allocation':
      return batch.allocationAt(row) === wanted.allocation && !NO_ALLOCATION.has(type);
    case 'block':
      return HAS_PLACE.has(type) && isInBlock(wanted.block, geometry, batch, row);
  }
}

function isInBlock(block: number, geometry: Geometry, batch: EventBatch, row: number): boolean {
  const { pagesPerBlock } = geometry;
  const isOf1G = batch.typeAt(row) === TYPE.largePageSplit && batch.codeAt(row) === 3;
  const pages = isOf1G ? regionPages(geometry) : Math.max(1, batch.pagesAt(row));
  return overlap(batch.pfnAt(row), pages, block * pagesPerBlock, (block + 1) * pagesPerBlock) > 0;
}
