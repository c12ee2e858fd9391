/** What a search in a log looks for. */
import { type EventBatch, type Geometry, TYPE } from '@decpool/model';
import { EVENT_TYPES, overlapPages, typesWhere } from '@decpool/model/internal';
import { printable } from '../text/printable.ts';
import { regionPages } from './event-text.ts';

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

const FAILURES = typesWhere((_, type) => type.endsWith('-failed') || type === 'pages-leaked');
const SPLITS = typesWhere((_, type) => type.endsWith('-split'));
export const HAS_ALLOCATION = typesWhere(({ fields }) => 'allocation' in fields);
/** Types that name pages. */
const HAS_PLACE = typesWhere(({ fields }) => 'pfn' in fields);

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
      return FAILURES[type];
    case 'split':
      return SPLITS[type];
    case 'allocation':
      return HAS_ALLOCATION[type] && batch.allocationAt(row) === wanted.allocation;
    case 'block':
      return HAS_PLACE[type] && isInBlock(wanted.block, geometry, batch, row);
  }
}

function isInBlock(block: number, geometry: Geometry, batch: EventBatch, row: number): boolean {
  const { pagesPerBlock } = geometry;
  const isOf1G = batch.typeAt(row) === TYPE.largePageSplit && batch.codeAt(row) === 3;
  const pages = isOf1G ? regionPages(geometry) : Math.max(1, batch.pagesAt(row));
  return overlapPages(batch.pfnAt(row), pages, block * pagesPerBlock, (block + 1) * pagesPerBlock) > 0;
}
