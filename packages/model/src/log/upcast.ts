/**
 * What older schema versions of a log mean in today's: a log that was released can be read for ever.
 *
 * - Version 1 has a trailer (events, state hash) where later ones have a seal, and neither checkpoints nor keyframes.
 * - Version 2 has no rules revision in its header: it was written under revision 1.
 *
 * All versions have the same events and the same state hash.
 */
import { InputError } from '../errors.ts';

/** Today's version of a log's shape. It rises only when a released shape changes, and then there is an upcaster for the old one. */
export const SCHEMA_VERSION = 3;
/** Oldest version that is read. */
export const OLDEST_SCHEMA = 1;

/** First version with checkpoints, keyframes and a seal. */
export const CHECKPOINTS_SINCE = 2;
/** First version whose header names the rules revision. */
export const RULES_SINCE = 3;

/**
 * Revision of the rules by which policies and the page source decide. It rises when the same requests can lead to other
 * events; then a log of an older revision still folds to its state, but its requests cannot be decided again.
 */
export const RULES_REVISION = 9;

/** A header of some version as one of today's. The caller has checked that the version is one that is read. */
export function upcastHeader(header: object, version: number): object {
  if (version >= RULES_SINCE) return header;
  if ('rules' in header) throw new InputError(`log header, 'rules': schema version ${version} has none`);
  return { ...header, schema: SCHEMA_VERSION, rules: 1 };
}
