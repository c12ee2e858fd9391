/**
 * Policies in order of what matters: what they break up, what they leave exposed for nothing, and what they ask of the host. No
 * policy is best at all three, so none is added up into one score: first those that no other beats at everything (the Pareto
 * front), then those that only these beat, and so on.
 */
import { hasLargePages } from '@decpool/model';
import type { Metric } from '../metrics/metric.ts';
import type { ComparedPolicy, Comparison } from './compare.ts';

/** Policies that have the same figures in every objective. */
export interface RankedPolicies {
  /** In the order of the comparison; one at least. */
  readonly policies: readonly string[];
  /** Medians, one for each objective. */
  readonly values: readonly number[];
  /** 1: nothing is at least as good in all objectives and better in one; 2: only those of front 1 are; and so on. */
  readonly front: number;
}

export interface Ranking {
  readonly objectives: readonly Metric[];
  /** Best first: by front, and within one by the mean place over the objectives. */
  readonly ranked: readonly RankedPolicies[];
  /** Refused a request under some seed: their figures are of less work, so that they are not ranked. */
  readonly refused: readonly string[];
}

/** Less is better in each. Where no large page can split, ranges that the host cannot map large take the place of splits. */
const objectivesOf = ({ input }: Comparison): readonly string[] => [
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
  const meanPlace = placesOf(groups);
  const ranked: RankedPolicies[] = [];
  let left = [...groups];
  for (let front = 1; left.length > 0; front++) {
    const undominated = left.filter((group) => !left.some((other) => dominates(other.values, group.values)));
    undominated.sort((a, b) => (meanPlace.get(a) ?? 0) - (meanPlace.get(b) ?? 0));
    ranked.push(...undominated.map((group) => ({ ...group, front })));
    left = left.filter((group) => !undominated.includes(group));
  }
  return ranked;
}

/** At least as good in all, better in one. */
export const dominates = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, index) => value <= b[index]) && a.some((value, index) => value < b[index]);

/** Mean, over the objectives, of how many groups are better. */
function placesOf(groups: readonly Group[]): Map<Group, number> {
  const places = new Map<Group, number>();
  for (const group of groups) {
    const better = group.values.map(
      (value, index) => groups.filter((other) => other.values[index] < value).length,
    );
    places.set(group, better.reduce((sum, count) => sum + count, 0) / better.length);
  }
  return places;
}
