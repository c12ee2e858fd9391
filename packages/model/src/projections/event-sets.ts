/** Event types by what they say, by type code; all of it follows from the schema. */
import type { EventBatch } from '../events/batch.ts';
import { AREA_CALL, CONVERTED, type EventType, TYPE, typesWhere } from '../events/schema.ts';
import { DIRECTIONS } from '../platform.ts';

/** Types of events, as a table by code. */
export type EventSet = readonly boolean[];

/** A set of these types. */
export const eventSet = (...types: readonly EventType[]): EventSet =>
  typesWhere((_, type) => types.includes(type));

/** What is in any of the sets. */
export const anyOf = (...sets: readonly EventSet[]): EventSet =>
  sets[0].map((_, type) => sets.some((set) => set[type]));

/** A request that gets a number of its own. */
export const IS_NUMBERED_REQUEST = typesWhere(({ request }) => request === 'numbered');

/** A request, also one without a number. Skipped requests have none, so a number is not the same request under every policy. */
export const IS_REQUEST = typesWhere(({ request }) => request !== undefined);

/** An event that claims, returns, converts or leaks pages. */
export const CHANGES_PAGES = typesWhere(
  ({ effect = 'none' }) => effect !== 'none' && effect !== 'hold' && effect !== 'release',
);

/** An event that changes a block: its pages, who holds them, or how they are mapped. */
export const CHANGES_BLOCK = typesWhere(
  ({ effect = 'none' }, type) =>
    effect !== 'none' || ['slab-created', 'large-page-split', 'large-page-restored'].includes(type),
);

const DECRYPT = DIRECTIONS.indexOf('decrypt');

/** Whether a failed conversion was a decryption. */
export const isFailedDecryption = (batch: EventBatch, row: number): boolean =>
  (batch.codeAt(row) & ~(CONVERTED | AREA_CALL)) === DECRYPT;

/** An event that can change what the host sees: exposureSign(). */
export const EXPOSES = typesWhere(
  ({ effect }, type) => effect === 'share' || effect === 'unshare' || type === 'conversion-failed',
);

const SHARES = typesWhere(({ effect }) => effect === 'share');
const UNSHARES = typesWhere(({ effect }) => effect === 'unshare');

/**
 * 1 if an event exposes its pages to the host, -1 if it hides them, else 0. A failed decryption exposes its pages, a failed
 * encryption leaves them exposed.
 */
export function exposureSign(batch: EventBatch, row: number): 1 | 0 | -1 {
  const type = batch.typeAt(row);
  if (SHARES[type]) return 1;
  if (UNSHARES[type]) return -1;
  return type === TYPE.conversionFailed && isFailedDecryption(batch, row) ? 1 : 0;
}
