/**
 * What older schema versions of a log mean in today's: a log that was released can be read for ever.
 *
 * Version 1 had a trailer (events, state hash) where there is a seal today, and neither checkpoints nor keyframes; its header
 * and its events are today's.
 */

/** Today's version of a log's shape. It rises only when a released shape changes, and then there is an upcaster for the old one. */
export const SCHEMA_VERSION = 2;
/** Oldest version that is read. */
export const OLDEST_SCHEMA = 1;

type Upcaster = (header: object) => object;

/** By version: what makes a header one of the next version. */
const UPCASTERS: Readonly<Record<number, Upcaster>> = {
  1: (header) => ({ ...header, schema: 2 }),
};

/** A header of some version as one of today's. The caller has checked that the version is one that is read. */
export function upcastHeader(header: object, version: number): object {
  let current = header;
  for (let from = version; from < SCHEMA_VERSION; from++) current = UPCASTERS[from](current);
  return current;
}
