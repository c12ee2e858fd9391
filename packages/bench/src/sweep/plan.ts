/** A sweep with all that it needs in memory: what is left is to run its cells. */
import type { MemoryState, PageSourceSettings, Platform } from '@decpool/model';
import type { LowerBounds } from '../bounds/lower.ts';
import { faultsOfRun } from '../compare/faults.ts';
import type { RunSettings } from '../compare/run.ts';
import type { PackedRequests } from '../workloads/request-columns.ts';
import type { SweepDefinition } from './definition.ts';
import type { Identity } from './identity.ts';
import { type CellName, type InputFacts, keyOf, type SweepOutline } from './outline.ts';
import type { PackedState } from './packed-state.ts';

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
  /** The same, as threads read it. */
  readonly packed: PackedState;
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
  /** What a thread finds it by: the name, or the path of a file. */
  readonly source: string;
  /** The same as the definition has it: errors name a file so, wherever it lies. */
  readonly given: string;
}

export interface SweepPlan {
  readonly definition: SweepDefinition;
  readonly scenarios: readonly Scenario[];
  readonly policies: readonly SweepPolicy[];
  readonly settings: RunSettings;
  readonly identity: Identity;
}

/** One run. Its requests and its memory are shared with the threads and not copied. */
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
        const cell = { input: inputOf(scenario, seed), memory, platform, policy, seed };
        return {
          key: keyOf(nameOf(cell)),
          ...cell,
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

export const nameOf = ({
  input,
  memory,
  platform,
  policy,
  seed,
}: Omit<Cell, 'key' | 'settings'>): CellName => ({
  ...{ input: input.facts.name, memory: memory.name, platform: platform.name },
  ...{ policy: policy.name, seed },
});

function inputOf({ inputs }: Scenario, seed: number): SweepInput {
  const input = inputs.get(seed);
  if (input === undefined) throw new TypeError(`no requests for seed ${seed}`);
  return input;
}

export function outlineOf({ definition, scenarios, policies }: SweepPlan): SweepOutline {
  const unique = <Item>(items: readonly Item[]): Item[] => [...new Set(items)];
  const inputs = unique(scenarios.flatMap((scenario) => [...scenario.inputs.values()]));
  const memories = unique(scenarios.map(({ memory }) => memory));
  return {
    definition,
    inputs: inputs.map(({ facts }) => facts),
    memory: memories.map(({ name, state, notes }) => ({ name, description: state.name, notes })),
    policies: policies.map(({ name }) => name),
    scenarios: scenarios.map((scenario) => ({
      input: inputOf(scenario, definition.seeds[0]).facts.name,
      memory: scenario.memory.name,
      platform: scenario.platform.name,
    })),
  };
}
