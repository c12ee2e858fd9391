/** The results of a sweep, run by run: what findings are computed from. */
import { InputError } from '@decpool/model';
import type { FewConversions } from '../bounds/few-conversions.ts';
import { dominates } from '../compare/ranking.ts';
import type { MetricId } from '../metrics/metric.ts';
import type { SweepResults, SweepRow } from '../sweep/results.ts';
import { groupedBy } from '../text/groups.ts';

/** An input on a platform, from a memory state. */
export interface GridScenario {
  readonly input: string;
  readonly memory: string;
  readonly platform: string;
  /** Values by seed, by policy and metric. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<MetricId, SweepRow>>;
  /** Blocks at peak that no policy can be below, by seed. */
  readonly bounds: readonly number[];
  /** By seed: what no pool of blocks can be below though slots of swiotlb serve all that fits. */
  readonly beyondSlots: readonly FewConversions[];
}

/** An input on a platform, with its scenarios by memory state. */
export interface GridMachine {
  readonly input: string;
  readonly platform: string;
  readonly scenarios: readonly GridScenario[];
}

/** A scenario with one seed: every policy was given these requests, from this memory. */
export interface GridRun {
  readonly scenario: GridScenario;
  /** The place of the seed. */
  readonly seed: number;
}

export interface Grid {
  readonly policies: readonly string[];
  readonly memories: readonly string[];
  readonly machines: readonly GridMachine[];
  readonly scenarios: readonly GridScenario[];
  readonly runs: readonly GridRun[];
  readonly seeds: number;
}

/** Throws InputError if a run was refused or failed: its policies could not be compared. */
export function gridOf(results: SweepResults): Grid {
  const { definition, inputs, memory, policies, rows, runs } = results;
  for (const run of runs) {
    if ('stateHash' in run) continue;
    const { policy, input, memory, platform } = run;
    const why = 'refused' in run ? `was refused: ${run.refused}` : `failed: ${run.failed}`;
    throw new InputError(`findings need every run, but ${policy} on ${input}, ${memory}, ${platform} ${why}`);
  }
  const boundsOf = (input: string) => {
    const facts = inputs.filter(({ name }) => name === input);
    const bySeed = definition.seeds.map(
      (seed) => (facts.find((known) => known.seed === seed) ?? facts[0]).lowerBounds,
    );
    return {
      bounds: bySeed.map(({ blocksPeak }) => blocksPeak),
      beyondSlots: bySeed.map(({ beyondSlots }) => beyondSlots),
    };
  };
  const scenarios = [
    ...groupedBy(rows, ({ input, memory, platform }) => `${input}|${memory}|${platform}`),
  ].map(
    ([, own]): GridScenario => ({
      input: own[0].input,
      memory: own[0].memory,
      platform: own[0].platform,
      rows: new Map(
        [...groupedBy(own, ({ policy }) => policy)].map(([policy, list]) => [
          policy,
          new Map(list.map((row) => [row.metric, row])),
        ]),
      ),
      ...boundsOf(own[0].input),
    }),
  );
  return {
    policies,
    memories: memory.map(({ name }) => name),
    machines: [...groupedBy(scenarios, ({ input, platform }) => `${input}|${platform}`)].map(([, own]) => ({
      input: own[0].input,
      platform: own[0].platform,
      scenarios: own,
    })),
    scenarios,
    runs: scenarios.flatMap((scenario) => definition.seeds.map((_, seed) => ({ scenario, seed }))),
    seeds: definition.seeds.length,
  };
}

/** Undefined if the platform has no such metric. */
const rowOf = ({ rows }: GridScenario, policy: string, metric: MetricId): SweepRow | undefined =>
  rows.get(policy)?.get(metric);

/** NaN if the run has no such figure. */
export const figureOf = ({ scenario, seed }: GridRun, policy: string, metric: MetricId): number =>
  rowOf(scenario, policy, metric)?.values[seed] ?? Number.NaN;

/** Whether a policy refused no more requests than the policy that refused fewest. */
export function serves(run: GridRun, policy: string): boolean {
  const refused = [...run.scenario.rows.keys()].map((one) => figureOf(run, one, 'failures'));
  return figureOf(run, policy, 'failures') <= Math.min(...refused);
}

/** NaN unless the policy serves the run: what refuses requests has less to do. */
export const servedValueOf = (run: GridRun, policy: string, metric: MetricId): number =>
  serves(run, policy) ? figureOf(run, policy, metric) : Number.NaN;

/** Bytes: no pool of whole blocks with so many conversions of a block has less idle memory on average, even if it knows all requests. */
export function leastIdleOf({ scenario, seed }: GridRun, conversions: number): number {
  const { blocksPeak, leastIdle } = scenario.beyondSlots[seed];
  const more = Math.floor(conversions) - blocksPeak;
  if (more < 0) return Number.POSITIVE_INFINITY;
  return leastIdle[Math.min(more, leastIdle.length - 1)];
}

/** What policies are weighed by, less is better in each: what is broken up in the guest and on the host, exposed, asked for. */
export const OBJECTIVES: readonly MetricId[] = [
  'splits-2m',
  'mixed-peak',
  'shared-idle-byte-seconds',
  'host-calls',
];

/** The policies that are at least as good as one in all OBJECTIVES, better in one, and serve the run. None if it does not serve. */
export function dominatorsOf(run: GridRun, policy: string): string[] {
  const objectives = (of: string) => OBJECTIVES.map((metric) => figureOf(run, of, metric));
  const own = objectives(policy);
  return [...run.scenario.rows.keys()].filter(
    (other) => serves(run, other) && dominates(objectives(other), own),
  );
}

/** The same grid without the other scenarios. */
export const among = (grid: Grid, isMeant: (scenario: GridScenario) => boolean): Grid => ({
  ...grid,
  machines: grid.machines
    .map((machine) => ({ ...machine, scenarios: machine.scenarios.filter(isMeant) }))
    .filter(({ scenarios }) => scenarios.length > 0),
  scenarios: grid.scenarios.filter(isMeant),
  runs: grid.runs.filter(({ scenario }) => isMeant(scenario)),
});

/** Values of a scenario, by seed. */
export const seedsOf = (scenario: GridScenario): GridRun[] =>
  scenario.bounds.map((_, seed) => ({ scenario, seed }));
