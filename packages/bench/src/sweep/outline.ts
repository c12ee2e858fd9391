/**
 * What results need to know of a sweep beside its finished cells, as JSON. The folder of a sweep has it, so that parts of a sweep
 * can be merged without its traces and memory states.
 */
import * as z from 'zod';
import { definitionSchema } from './definition.ts';

const text = z.string();
const whole = z.int().min(0);

/** What a report tells of an input. */
export const inputFactsSchema = z.strictObject({
  /** Unique in the sweep, but for the seed. */
  name: text,
  /** That the workload was generated from, if it is generated from each. */
  seed: whole.exactOptional(),
  description: text,
  requests: whole,
  /** SHA-256 of the requests. */
  requestsHash: text,
  peakLivePages: whole,
  /** No policy that serves all requests is below these, in blocks and in block-seconds; see bounds/lower.ts. */
  lowerBounds: z.strictObject({
    blocksPeak: whole,
    blockSeconds: z.number(),
    /** Of the requests that no slots of swiotlb serve: blocks at peak, and the least mean idle memory; see bounds/few-conversions.ts. */
    beyondSlots: z.strictObject({
      blocksPeak: whole,
      leastIdle: z.array(z.number()).min(1).readonly(),
    }),
  }),
  notes: z.array(text).readonly(),
});
export type InputFacts = Readonly<z.infer<typeof inputFactsSchema>>;

export const outlineShape = {
  definition: definitionSchema,
  inputs: z.array(inputFactsSchema).readonly(),
  memory: z
    .array(z.strictObject({ name: text, description: text, notes: z.array(text).readonly() }))
    .readonly(),
  /** Names of the policies; the first is the baseline. */
  policies: z.array(text).readonly(),
};

const scenarioSchema = z.strictObject({ input: text, memory: text, platform: text });

export const outlineSchema = z.strictObject({
  ...outlineShape,
  /** By the names of their input, memory and platform, in the order of the definition. */
  scenarios: z.array(scenarioSchema).readonly(),
});
export type SweepOutline = Readonly<z.infer<typeof outlineSchema>>;

/** Which run of a sweep it is: everything by its name in the sweep. */
export type CellName = Readonly<z.infer<typeof scenarioSchema>> & {
  readonly policy: string;
  readonly seed: number;
};

/** The name in one word. */
export const keyOf = ({ input, memory, platform, policy, seed }: CellName): string =>
  [input, memory, platform, policy, seed].join('|');

/** The keys of all cells, in the order of the definition: scenario, then policy, then seed. */
export const keysOf = ({ scenarios, policies, definition }: SweepOutline): string[] =>
  scenarios.flatMap((scenario) =>
    policies.flatMap((policy) => definition.seeds.map((seed) => keyOf({ ...scenario, policy, seed }))),
  );
