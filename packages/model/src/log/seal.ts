/** Records beside the header and events: a checkpoint after each segment, a keyframe now and then, a seal at the end. */
import * as z from 'zod';
import { InputError } from '../errors.ts';
import { issueText, whole } from '../schemas.ts';

/** Most events between two checkpoints: what a reader must hold before it can trust them. */
export const MAX_SEGMENT_EVENTS = 2 ** 16;

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits');

/** The records that are no events, by the key that tells them in NDJSON and in Arrow's metadata. */
const SCHEMAS = {
  checkpoint: z.strictObject({
    /** Events in the log so far. */
    events: whole,
    /** Content hash of all up to here: 64 hex digits. */
    chain: hash,
    /** Finds the one event of the segment that was altered: locatorOf(). */
    locator: z.string().regex(/^(?:[0-9a-f]{8}){1,17}$/, 'expected 1 to 17 words of 8 hex digits'),
  }),
  keyframe: z.strictObject({
    /** Events in the log so far. */
    events: whole,
    /** State hash after them. */
    stateHash: hash,
    /** SHA-256 over the chain so far, the state hash and the state: a keyframe is used without what is before it. */
    hash,
    /** The state, deflated (RFC 1951), in base64. */
    state: z.string(),
  }),
  seal: z.strictObject({
    /** Events in the log. */
    events: whole,
    /** Content hash of the log: that of its last checkpoint. */
    chain: hash,
    /** State hash after the last event. */
    stateHash: hash,
    /** True for a recovered part of a run that broke off. */
    isCutOff: z.literal(true).exactOptional(),
  }),
  /** The end of a log of schema version 1. */
  trailer: z.strictObject({ events: whole, stateHash: hash }),
} as const;
/** Name of a record that is no event. */
export type MarkName = keyof typeof SCHEMAS;
/** The records of a log that are no events, by name. */
export type Marks = { readonly [Name in MarkName]: Readonly<z.infer<(typeof SCHEMAS)[Name]>> };
/** Behind each segment: its content hash, chained to those before. */
export type Checkpoint = Marks['checkpoint'];
/** The state after so many events, to fold from there. */
export type Keyframe = Marks['keyframe'];
/** The end of a complete log: the number of its events, its state hash and its content hash. */
export type Seal = Marks['seal'];
/** The end of a log of schema version 1. */
export type Trailer = Marks['trailer'];

/** Throws InputError if the record is malformed, or does not count the `events` events before it. */
export function parseMark<Name extends MarkName>(name: Name, value: unknown, events: number): Marks[Name] {
  const parsed = SCHEMAS[name].safeParse(value);
  if (!parsed.success) {
    throw new InputError(`${name} after event ${events}${issueText(parsed.error)}`);
  }
  if (parsed.data.events !== events) {
    throw new InputError(
      `the ${name} counts ${parsed.data.events} events, but the log has ${events} before it; the log is damaged`,
    );
  }
  return parsed.data as Marks[Name];
}
