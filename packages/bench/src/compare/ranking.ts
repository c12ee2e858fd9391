/**
 * Ranks policies by splits, shared-idle memory and host calls. There is no single score. Front 1 has the policies that no
 * other dominates (the Pareto front), front 2 those that only policies of front 1 dominate, and so on.
 */
import { hasLargePages } from '@decpool/model';
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
  /** Best first: by front, then by the mean place over the objectives. */
  readonly ranked: readonly RankedPolicies[];
  /** Policies that refused a request under some seed. They did less work, so they are not ranked. */
  readonly refused: readonly string[];
}

/** Lower is better in each. If no large page can split, mixed 2M ranges replace the splits. */
const objectivesOf = ({ input }: Comparison): readonly MetricId[] => [
  hasLargePages(input.platform) ? 'splits-2m' : 'mixed-peak',
  'shared-idle-byte-seconds',
  'host-calls',
];

export function rank(comparison: Comparison): Ranking {
  const ids = objectivesOf(comparison);
  const [baseline] = comparison.policies;
  const indices = ids.map((id) => baseline.metrics.findIndex(({ metric }) => metric.id === id));
  const hasRefused = ({ metrics }: ComparedPolicy) =>
    metrics.some(({ metric, spread }) => metric.id === 'failures' && spread.max > 0);
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
    ranked: inFronts([...groups.values()]),
    refused: comparison.policies.filter(hasRefused).map(({ policy }) => policy),
  };
}

type Group = Omit<RankedPolicies, 'front'>;

function inFronts(groups: readonly Group[]): RankedPolicies[] {
  /** How many groups are better in an objective, summed over the objectives. */
  const placeOf = ({ values }: Group) =>
    values.reduce((sum, value, at) => sum + groups.filter((other) => other.values[at] < value).length, 0);
  const ranked: RankedPolicies[] = [];
  let left = [...groups];
  for (let front = 1; left.length > 0; front++) {
    const undominated = left.filter((group) => !left.some((other) => dominates(other.values, group.values)));
    undominated.sort((a, b) => placeOf(a) - placeOf(b));
    ranked.push(...undominated.map((group) => ({ ...group, front })));
    left = left.filter((group) => !undominated.includes(group));
  }
  return ranked;
}

/** Whether `a` is at least as good as `b` in every objective, and better in one. */
export const dominates = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, index) => value <= b[index]) && a.some((value, index) => value < b[index]);
