/**
 * What stands in a log beside its header and its events, whichever way it is stored: a checkpoint behind every segment, a
 * keyframe now and then, and a seal at the end.
 */
import { z } from 'zod';
import { InputError } from '../errors.ts';
import { issueText, whole } from '../schemas.ts';

/** Most events between two checkpoints: what a reader must hold before it can trust them. */
export const MAX_SEGMENT_EVENTS = 2 ** 16;

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits');

const checkpointSchema = z.strictObject({
  /** Events in the log so far. */
  events: whole,
  /** Content hash of all up to here: 64 hex digits. */
  chain: hash,
  /** What finds the one event of the segment that was altered: locatorOf(). */
  locator: z.string().regex(/^(?:[0-9a-f]{8}){1,17}$/, 'expected 1 to 17 words of 8 hex digits'),
});
export type Checkpoint = Readonly<z.infer<typeof checkpointSchema>>;

const keyframeSchema = z.strictObject({
  /** Events in the log so far. */
  events: whole,
  /** State hash after them. */
  stateHash: hash,
  /** SHA-256 over the chain so far, the state hash and the state: a keyframe is used without what is before it. */
  hash,
  /** The state, deflated (RFC 1951), in base64. */
  state: z.string(),
});
export type Keyframe = Readonly<z.infer<typeof keyframeSchema>>;

const sealSchema = z.strictObject({
  /** Events in the log. */
  events: whole,
  /** Content hash of the log: that of its last checkpoint. */
  chain: hash,
  /** State hash after the last event. */
  stateHash: hash,
  /** True for what was saved of a run that was cut off. */
  isCutOff: z.literal(true).exactOptional(),
});
export type Seal = Readonly<z.infer<typeof sealSchema>>;

/** What a log of schema version 1 ends with. */
const trailerSchema = z.strictObject({ events: whole, stateHash: hash });
export type Trailer = Readonly<z.infer<typeof trailerSchema>>;

const SCHEMAS = {
  checkpoint: checkpointSchema,
  keyframe: keyframeSchema,
  seal: sealSchema,
  trailer: trailerSchema,
} as const;
/** The records that are no events, by the key that tells them in NDJSON and in Arrow's metadata. */
export type MarkName = keyof typeof SCHEMAS;
export type Marks = {
  readonly checkpoint: Checkpoint;
  readonly keyframe: Keyframe;
  readonly seal: Seal;
  readonly trailer: Trailer;
};

/** Throws InputError when it is malformed, or when `events` events do not stand before it. */
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
