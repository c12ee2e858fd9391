/** What holds over all scenarios: counts and medians, each from the results and nothing else. */
import { dominates } from '../compare/ranking.ts';
import { spreadOf } from '../compare/spread.ts';
import type { MetricId } from '../metrics/metric.ts';
import { groupedBy } from '../text/groups.ts';
import { comparedOf, medianOf, type PolicyFigures, poolsOf, type ScenarioFigures } from './scenarios.ts';

/** What policies are weighed by, less is better in each: what is broken up in the guest and on the host, exposed, asked for. */
const OBJECTIVES: readonly MetricId[] = ['splits-2m', 'mixed-peak', 'shared-idle-byte-seconds', 'host-calls'];

/** What grouping is for; idle memory is what it costs. */
export const GAINS = ['splits-2m', 'mixed-peak', 'host-calls'] as const satisfies readonly MetricId[];

export type PolicySummary = ReturnType<typeof summaryOf>[number];

/** Most scenarios served first. Medians are over the scenarios served. */
export function summaryOf(policies: readonly string[], scenarios: readonly ScenarioFigures[]) {
  return policies
    .map((policy) => {
      const own = scenarios.flatMap((scenario) => {
        const figures = scenario.serving.find((known) => known.policy === policy);
        return figures === undefined ? [] : [{ scenario, figures }];
      });
      const median = (metric: MetricId) => middle(own.map(({ figures }) => medianOf(figures, metric)));
      return {
        policy,
        /** Scenarios in which it refused no more than others had to. */
        served: own.length,
        /** Of these, those in which no other is at least as good in all objectives and better in one. */
        undominated: own.filter(({ scenario, figures }) => isUndominated(figures, scenario)).length,
        splits: median('splits-2m'),
        mixed: median('mixed-peak'),
        idleMean: median('shared-idle-mean'),
        blocksRatio: median('blocks-peak-ratio'),
        /** Of host calls over those of linux-7.3. */
        hostCallsRatio: middle(
          own.flatMap(({ scenario, figures }) => {
            const kernel = scenario.serving.find(({ policy: name }) => name === 'linux-7.3');
            const calls = kernel === undefined ? 0 : medianOf(kernel, 'host-calls');
            return calls === 0 ? [] : [medianOf(figures, 'host-calls') / calls];
          }),
        ),
      };
    })
    .sort((a, b) => b.served - a.served || b.undominated - a.undominated);
}

const mediansOf = (figures: PolicyFigures, metrics: readonly MetricId[]) =>
  metrics.map((id) => medianOf(figures, id));

/** Whether a policy is as good as another in all objectives and better in one. */
export const dominatesIn = (policy: PolicyFigures, other: PolicyFigures): boolean =>
  dominates(mediansOf(policy, OBJECTIVES), mediansOf(other, OBJECTIVES));

const isUndominated = (figures: PolicyFigures, { serving }: ScenarioFigures): boolean =>
  !serving.some((other) => dominatesIn(other, figures));

/** The median; 0 for nothing. */
export const middle = (values: readonly number[]): number =>
  values.length === 0 ? 0 : spreadOf(values).median;

/** Whether a pool is as good in GAINS as all of COMPARED that serve the scenario, and better in one. False if none serves it. */
export function doesGroupingPay(scenario: ScenarioFigures): boolean {
  const kernels = comparedOf(scenario);
  if (kernels.length === 0) return false;
  return poolsOf(scenario).some((pool) =>
    kernels.every((kernel) => dominates(mediansOf(pool, GAINS), mediansOf(kernel, GAINS))),
  );
}

/** The parts of a pool's name, its supply with reserve, return and shrinker; undefined for any other name. */
export function partsOf(
  policy: string,
): { readonly placement: string; readonly conversion: string; readonly supply: string } | undefined {
  const [placement, conversion, ...supply] = policy.split('+');
  return supply.length === 0 ? undefined : { placement, conversion, supply: supply.join('+') };
}

/**
 * How much a part of a pool matters: the factor between the largest and the smallest median of a metric among pools that differ
 * in that part only, the largest such factor of a scenario, and the median of that over the scenarios. Values of 0 are left out.
 */
export function factorOf(
  part: 'placement' | 'supply',
  metric: MetricId,
  scenarios: readonly ScenarioFigures[],
): number {
  return middle(
    scenarios.flatMap((scenario) => {
      const pools = poolsOf(scenario).flatMap(({ policy, rows }) => {
        const parts = partsOf(policy);
        const value = rows.get(metric)?.median ?? 0;
        return parts === undefined || value <= 0 ? [] : [{ others: { ...parts, [part]: '' }, value }];
      });
      const factors = [...groupedBy(pools, ({ others }) => JSON.stringify(others)).values()]
        .filter((group) => group.length > 1)
        .map((group) => group.map(({ value }) => value))
        .map((values) => Math.max(...values) / Math.min(...values));
      return factors.length === 0 ? [] : [Math.max(...factors)];
    }),
  );
}
