/**
 * What whole-run.c starts from, laid out as c/guest.h says: the direct map, the zones, and the chunks that the page allocator gives
 * in the run. So the page source is not written a second time in C.
 */

import type { MappingRun } from '@decpool/model';
import { type EventBatch, TYPE } from '@decpool/model';
import type { BlockRange } from '@decpool/pool';

/** "DCGU" in memory, on a little-endian machine. */
const MAGIC = 0x55474344;

export interface Guest {
  readonly directMap: readonly MappingRun[];
  /** In the order in which a request tries them. */
  readonly zones: readonly BlockRange[];
  /** Four words each, in order: request, type code of the event, first page, pages. */
  readonly claims: readonly number[];
}

/** The claims of a batch, for a guest. Throws Error for an event that whole-run.c does not have. */
export function claimsIn(batch: EventBatch): number[] {
  const claims: number[] = [];
  for (let row = 0; row < batch.length; row++) {
    const type = batch.typeAt(row);
    if (!KNOWN.has(type)) throw new Error(`whole-run.c has no event of ${batch.at(row).type}`);
    if (type !== TYPE.pagesClaimed && type !== TYPE.pageTableAllocated) continue;
    claims.push(batch.requestAt(row), type, batch.pfnAt(row), batch.pagesAt(row));
  }
  return claims;
}

const KNOWN: ReadonlySet<number> = new Set([
  TYPE.ownerRegistered,
  TYPE.allocationRequested,
  TYPE.freeRequested,
  TYPE.pagesClaimed,
  TYPE.largePageSplit,
  TYPE.pagesDecrypted,
  TYPE.pagesAllocated,
  TYPE.pagesFreed,
  TYPE.allocationFailed,
  TYPE.requestSkipped,
  TYPE.pageTableAllocated,
]);

/** The guest as the bytes of a file. */
export function encodeGuest({ directMap, zones, claims }: Guest, owners: readonly string[]): Uint8Array {
  const names = new TextEncoder().encode(owners.map((name) => `${name}\0`).join(''));
  const words = [
    ...[MAGIC, directMap.length, zones.length, claims.length / 4, names.length],
    ...directMap.flat(),
    ...zones.flatMap(({ firstBlock, endBlock }) => [firstBlock, endBlock]),
    ...claims,
  ];
  const numbers = new Uint8Array(Uint32Array.from(words).buffer);
  const file = new Uint8Array(numbers.length + names.length);
  file.set(numbers);
  file.set(names, numbers.length);
  return file;
}
