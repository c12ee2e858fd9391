/** Which policies a chart has room for. */
import type { PolicyResults, Results } from '../../results.ts';

export interface Shown {
  readonly policy: PolicyResults;
  /** Place in the comparison, which its colour hangs on. */
  readonly place: number;
}

const MOST = 12;

/** All in their order; or, of many, the baseline and then those that are ranked best. */
export function shownPolicies({ policies, ranking }: Results, most = MOST): readonly Shown[] {
  const all = policies.map((policy, place) => ({ policy, place }));
  if (all.length <= most) return all;
  const byName = new Map(all.map((shown) => [shown.policy.policy, shown]));
  const ranked = [...ranking.ranked.flatMap((group) => group.policies), ...ranking.refused];
  const order = [policies[0].policy, ...ranked.filter((policy) => policy !== policies[0].policy)];
  return order.slice(0, most).flatMap((policy) => byName.get(policy) ?? []);
}

/** Behind the name of a policy that refused requests: its figures are of less work. */
export const MARK = ' *';

export const markedName = ({ ranking }: Results, policy: string): string =>
  ranking.refused.includes(policy) ? `${policy}${MARK}` : policy;

export const moreThanShown = ({ policies }: Results, shown: readonly Shown[]): string =>
  shown.length === policies.length
    ? ''
    : `Of ${policies.length} policies, the baseline and the ${shown.length - 1} ranked best.`;
