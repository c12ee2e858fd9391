/** Which two policies are looked at first. */
import type { Results } from '../../results.ts';

/** Of the results, what the choice rests on. */
export interface Ranked {
  readonly policies: readonly Pick<Results['policies'][number], 'policy' | 'isBaseline'>[];
  readonly ranking: { readonly ranked: readonly Pick<Results['ranking']['ranked'][number], 'policies'>[] };
}

/** Indices into `runs`, the policies with a log: the baseline, and the best ranked that is another; one where there is one run. */
export function firstChoices({ policies, ranking }: Ranked, runs: readonly string[]): number[] {
  const baseline = policies.find(({ isBaseline }) => isBaseline)?.policy ?? '';
  const left = Math.max(0, runs.indexOf(baseline));
  const ranked = ranking.ranked.flatMap((rank) => rank.policies.map((policy) => runs.indexOf(policy)));
  const right = [...ranked, ...runs.keys()].find((run) => run >= 0 && run !== left);
  return right === undefined ? [left] : [left, right];
}
