import * as z from 'zod';
import { metricIdSchema } from '../metrics/schema.ts';

const text = z.string();
const whole = z.int().min(0);

/** Which run it was: each by its name in the sweep. */
const which = { key: text, input: text, memory: text, platform: text, policy: text, seed: whole };

export const servedCellSchema = z.strictObject({
  ...which,
  events: whole,
  stateHash: text,
  metrics: z.record(metricIdSchema, z.number()),
});
/** The run ended because the policy, or what it was to run on, was invalid. */
export const refusedCellSchema = z.strictObject({ ...which, refused: text });

/** The program failed in this run, on two workers. */
export const failedCellSchema = z.strictObject({ ...which, failed: text });

/** A line of cells.ndjson. */
export const finishedCellSchema = z.union([servedCellSchema, refusedCellSchema, failedCellSchema]);

export type FinishedCell = z.infer<typeof finishedCellSchema>;
export type ServedCell = z.infer<typeof servedCellSchema>;
