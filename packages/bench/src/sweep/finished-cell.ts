import { z } from 'zod';
import { metricIdSchema } from '../metrics/schema.ts';

const text = z.string();
const whole = z.int().min(0);

/** Which run it was: each by its name in the sweep. */
const which = {
  key: text,
  input: text,
  memory: text,
  platform: text,
  policy: text,
  seed: whole,
};

/** A line of cells.ndjson. */
export const finishedCellSchema = z.union([
  z.strictObject({
    ...which,
    events: whole,
    stateHash: text,
    metrics: z.record(metricIdSchema, z.number()),
  }),
  /** The run ended where somebody's mistake was found: in the policy, or in what it was to run on. */
  z.strictObject({ ...which, refused: text }),
]);

export type FinishedCell = z.infer<typeof finishedCellSchema>;
export type RefusedCell = Extract<FinishedCell, { refused: string }>;
export type ServedCell = Exclude<FinishedCell, RefusedCell>;

export const isRefused = (cell: FinishedCell): cell is RefusedCell => 'refused' in cell;
