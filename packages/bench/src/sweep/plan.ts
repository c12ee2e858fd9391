/** A sweep with all that it needs in memory: what is left is to run its cells. */
import type { MemoryState, PageSourceSettings, Platform } from '@decpool/model';
import * as z from 'zod';
import type { LowerBounds } from '../bounds/lower.ts';
import { faultsOfRun } from '../compare/faults.ts';
import type { PackedRequests } from '../compare/request-columns.ts';
import type { RunSettings } from '../compare/run.ts';
import type { SweepDefinition } from './definition.ts';

/** What a report tells of an input. */
export const inputFactsSchema = z.strictObject({
  /** Unique in the sweep, but for the seed. */
  name: z.string(),
  /** That the workload was generated from, if it is generated from each. */
  seed: z.int().min(0).exactOptional(),
  description: z.string(),
  requests: z.int().min(0),
  /** SHA-256 of the requests. */
  requestsHash: z.string(),
  peakLivePages: z.int().min(0),
  /** No policy that serves all requests is below these, in blocks and in block-seconds; see bounds/lower.ts. */
  lowerBounds: z.strictObject({
    blocksPeak: z.int().min(0),
    blockSeconds: z.number(),
    /** Of the requests that no slots of swiotlb serve: blocks at peak, and the least mean idle memory; see bounds/few-conversions.ts. */
    beyondSlots: z.strictObject({
      blocksPeak: z.int().min(0),
      leastIdle: z.array(z.number()).min(1).readonly(),
    }),
  }),
  notes: z.array(z.string()).readonly(),
});
type InputFacts = Readonly<z.infer<typeof inputFactsSchema>>;

export interface SweepInput {
  readonly facts: InputFacts;
  /** As computed, for exact ratios. */
  readonly lowerBounds: LowerBounds;
  readonly requests: PackedRequests;
}

export interface SweepMemory {
  /** As the definition has it, or the name of a recorded state; unique in the sweep. */
  readonly name: string;
  readonly state: MemoryState;
  /** Where a recorded state contradicts itself. */
  readonly notes: readonly string[];
}

/** Policies are compared within a scenario: the same input, memory and platform. */
export interface Scenario {
  /** The input's requests by seed: for each its own, or the same for all. All have one name. */
  readonly inputs: ReadonlyMap<number, SweepInput>;
  readonly memory: SweepMemory;
  readonly platform: Platform;
  readonly pageSource: PageSourceSettings;
}

export interface SweepPolicy {
  /** Unique in the sweep. */
  readonly name: string;
  /** What a worker finds it by: the name, or the path of a file. */
  readonly source: string;
}

export interface SweepPlan {
  readonly definition: SweepDefinition;
  readonly scenarios: readonly Scenario[];
  readonly policies: readonly SweepPolicy[];
  readonly settings: RunSettings;
  /** SHA-256 by what it is of; a sweep goes on only where all of them are the same. */
  readonly identity: Readonly<Record<string, string>>;
}

/** One run. All but its memory is sent to a thread; the requests are shared and not copied. */
export interface Cell {
  /** Says which run it is, in one word. */
  readonly key: string;
  readonly input: SweepInput;
  readonly memory: SweepMemory;
  readonly platform: Platform;
  readonly policy: SweepPolicy;
  readonly seed: number;
  readonly settings: RunSettings;
}

/** Every run of the sweep, in the order of the definition; the results keep to this order too. */
export function cellsOf({ scenarios, policies, definition, settings }: SweepPlan): Cell[] {
  return scenarios.flatMap((scenario) =>
    policies.flatMap((policy) =>
      definition.seeds.map((seed, run) => {
        const { memory, platform, pageSource } = scenario;
        const input = inputOf(scenario, seed);
        return {
          key: [input.facts.name, memory.name, platform.name, policy.name, seed].join('|'),
          ...{ input, memory, platform, policy, seed },
          settings: {
            ...settings,
            pageSource,
            ...(settings.faults === undefined ? {} : { faults: faultsOfRun(settings.faults, run) }),
          },
        };
      }),
    ),
  );
}

function inputOf({ inputs }: Scenario, seed: number): SweepInput {
  const input = inputs.get(seed);
  if (input === undefined) throw new TypeError(`no requests for seed ${seed}`);
  return input;
}
