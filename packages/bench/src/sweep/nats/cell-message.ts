/** A cell and its result, as they travel. */
import { platformSchema } from '@decpool/model/internal';
import * as z from 'zod';
import type { RunSettings } from '../../compare/run.ts';
import { messageOf } from '../../files/error-text.ts';
import { metricIdSchema } from '../../metrics/schema.ts';
import { readableIssue } from '../../text/readable-issue.ts';

const whole = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const cellMessageSchema = z.strictObject({
  key: z.string(),
  /** Objects of the bucket, by their hashes. */
  input: hash,
  memory: hash,
  policy: z.union([
    z.strictObject({ name: z.string() }),
    /** A file's text, and what the definition calls the file. */
    z.strictObject({ file: hash, given: z.string() }),
  ]),
  platform: platformSchema,
  seed: whole,
  settings: z.looseObject({}).transform((settings) => settings as RunSettings),
});
export type CellMessage = z.infer<typeof cellMessageSchema>;

export const resultMessageSchema = z.strictObject({
  key: z.string(),
  outcome: z.union([
    z.strictObject({
      events: whole,
      stateHash: z.string(),
      metrics: z.record(metricIdSchema, z.number()),
    }),
    z.strictObject({ refused: z.string() }),
    z.strictObject({ failed: z.string() }),
  ]),
  /** Wall clock. */
  seconds: z.number(),
  /** How often the cell was given to a worker. */
  deliveries: whole,
});
export type ResultMessage = z.infer<typeof resultMessageSchema>;

/** Why a message is of another form, in a line. */
export const formText = (error: unknown): string =>
  error instanceof z.ZodError ? readableIssue(error) : messageOf(error);

export const presenceSchema = z.strictObject({ worker: z.string(), threads: whole });
