/**
 * Ranks policies: fewest failed requests, then fewest 2M splits (what a pool is for), then, of those that are equal, the best mean
 * rank over shared-idle memory and host calls. A rank says nothing about sizes, so splits are not one rank among three: else a
 * policy that splits most, but keeps nothing idle, could be best.
 *
 * Beside that order stands the front. Front 1 has the policies that no other dominates in these three (the Pareto front), front 2
 * those that only policies of front 1 dominate, and so on. The best policy is on front 1.
 */
import { hasLargePages } from '@decpool/model/internal';
import type { Metric, MetricId } from '../metrics/metric.ts';
import type { ComparedPolicy, Comparison } from './compare.ts';

/** Policies with the same values in every objective. */
interface RankedPolicies {
  /** At least one, in the order of the comparison. */
  readonly policies: readonly string[];
  /** Medians, one per objective. */
  readonly values: readonly number[];
  /** 1: no policy dominates these; 2: only policies of front 1 do; and so on. See dominates(). */
  readonly front: number;
}

interface Ranking {
  readonly objectives: readonly Metric[];
  /** Best first. */
  readonly ranked: readonly RankedPolicies[];
  /** Policies that refused more requests than another, under the worst seed. They did less work, so they are not ranked. */
  readonly refused: readonly string[];
}

/** Lower is better in each; the first decides. If no large page can split, mixed 2M ranges replace the splits. */
const objectivesOf = ({ input }: Comparison): readonly MetricId[] => [
  hasLargePages(input.platform) ? 'splits-2m' : 'mixed-peak',
  'shared-idle-byte-seconds',
  'host-calls',
];

export function rank(comparison: Comparison): Ranking {
  const ids = objectivesOf(comparison);
  const [baseline] = comparison.policies;
  const indices = ids.map((id) => baseline.metrics.findIndex(({ metric }) => metric.id === id));
  const failuresOf = ({ metrics }: ComparedPolicy) =>
    metrics.find(({ metric }) => metric.id === 'failures')?.spread.max ?? 0;
  const fewest = Math.min(...comparison.policies.map(failuresOf));
  const hasRefused = (policy: ComparedPolicy) => failuresOf(policy) > fewest;
  const complete = comparison.policies.filter((policy) => !hasRefused(policy));
  const groups = new Map<string, { policies: string[]; values: number[] }>();
  for (const { policy, metrics } of complete) {
    const values = indices.map((index) => metrics[index].spread.median);
    const group = groups.get(values.join()) ?? { policies: [], values };
    group.policies.push(policy);
    groups.set(values.join(), group);
  }
  return {
    objectives: indices.map((index) => baseline.metrics[index].metric),
    ranked: inOrder([...groups.values()]),
    refused: comparison.policies.filter(hasRefused).map(({ policy }) => policy),
  };
}

type Group = Omit<RankedPolicies, 'front'>;

/** By the first objective, then by the mean place over the others among the groups that are equal in it. */
function inOrder(groups: readonly Group[]): RankedPolicies[] {
  const fronts = frontsOf(groups);
  /** How many groups are better in an objective, summed over the objectives behind the first. */
  const placeOf = ({ values: [first, ...rest] }: Group) => {
    const equals = groups.filter(({ values }) => values[0] === first);
    const better = (value: number, at: number) =>
      equals.filter(({ values }) => values[at + 1] < value).length;
    return rest.reduce((sum, value, at) => sum + better(value, at), 0);
  };
  return groups
    .map((group) => ({ ...group, front: fronts.get(group) ?? 1, place: placeOf(group) }))
    .sort((a, b) => a.values[0] - b.values[0] || a.place - b.place)
    .map(({ place: _, ...group }) => group);
}

function frontsOf(groups: readonly Group[]): ReadonlyMap<Group, number> {
  const fronts = new Map<Group, number>();
  let left = [...groups];
  for (let front = 1; left.length > 0; front++) {
    const undominated = left.filter((group) => !left.some((other) => dominates(other.values, group.values)));
    for (const group of undominated) fronts.set(group, front);
    left = left.filter((group) => !undominated.includes(group));
  }
  return fronts;
}

/** Whether `a` is at least as good as `b` in every objective, and better in one. */
export const dominates = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, index) => value <= b[index]) && a.some((value, index) => value < b[index]);
