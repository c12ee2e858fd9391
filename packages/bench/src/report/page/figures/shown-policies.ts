/** The policies that a chart has room for. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import type { PolicyResults, Results } from '../../results.ts';

export interface Shown {
  readonly policy: PolicyResults;
  /** Place in the comparison: it gives the policy its colour. */
  readonly place: number;
}

const POLICIES_SHOWN = 12;

/** All in their order. If they are too many: the baseline, then the best ranked. */
export function shownPolicies({ policies, ranking }: Results, most = POLICIES_SHOWN): readonly Shown[] {
  const all = policies.map((policy, place) => ({ policy, place }));
  if (all.length <= most) return all;
  const byName = new Map(all.map((shown) => [shown.policy.policy, shown]));
  const ranked = [...ranking.ranked.flatMap((group) => group.policies), ...ranking.refused];
  const order = [policies[0].policy, ...ranked.filter((policy) => policy !== policies[0].policy)];
  return order.slice(0, most).flatMap((policy) => byName.get(policy) ?? []);
}

/** Stands behind the name of a policy that refused requests: its figures are of less work. */
export const MARK = ' *';

/** The short name, marked if the policy refused requests. */
export const markedName = ({ ranking }: Results, policy: string): string =>
  `${shortPolicyName(policy)}${ranking.refused.includes(policy) ? MARK : ''}`;

export const MARK_TEXT = `${MARK.trim()} marks policies that refused requests: they did less work.`;

export const moreThanShown = ({ policies }: Results, shown: readonly Shown[]): string =>
  shown.length === policies.length
    ? ''
    : `Shown: the baseline and the ${shown.length - 1} best ranked of ${policies.length} policies.`;
