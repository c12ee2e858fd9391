import { z } from 'zod';
import { InputError } from '../errors.ts';

/** The last record of a finished log. */
export interface LogTrailer {
  /** Events in the log. */
  readonly events: number;
  /** State hash after the last event. */
  readonly stateHash: string;
}

const trailerSchema = z.strictObject({
  events: z.number().int().min(0),
  stateHash: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits'),
});

/** Throws InputError when it is malformed, or when `events` events do not stand before it. */
export function parseTrailer(value: unknown, events: number): LogTrailer {
  const parsed = trailerSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new InputError(`the log's trailer is wrong at '${issue.path.join('.')}': ${issue.message}`);
  }
  if (parsed.data.events !== events) {
    throw new InputError(
      `the trailer says ${parsed.data.events} events, but ${events} stand before it: the log is torn`,
    );
  }
  return parsed.data;
}
