/** Which two policies the block map shows first. */
import { BlocksAt, countByState } from '../../../history/blocks-at.ts';
import { BLOCK_STATES, type InputHistory, type RunHistory } from '../../../history/types.ts';
import type { Results } from '../../results.ts';

interface Ranked {
  readonly policies: readonly Pick<Results['policies'][number], 'policy' | 'isBaseline'>[];
  readonly ranking: { readonly ranked: readonly Pick<Results['ranking']['ranked'][number], 'policies'>[] };
}

/** Indices of runs: the baseline, and the best ranked policy that differs from it at the peak, or else the best ranked one. */
export function firstChoices({ policies, ranking }: Ranked, history: InputHistory): number[] {
  const { runs } = history;
  const places = new Map(runs.map(({ policy }, place) => [policy, place]));
  const baseline = policies.find(({ isBaseline }) => isBaseline)?.policy ?? '';
  const left = places.get(baseline) ?? 0;
  const ranked = ranking.ranked.flatMap((group) =>
    group.policies.flatMap((policy) => places.get(policy) ?? []),
  );
  const others = [...new Set([...ranked, ...runs.keys()])].filter((run) => run !== left);
  const picture = pictureAtPeak(history, runs[left]);
  const right = others.find((run) => pictureAtPeak(history, runs[run]) !== picture) ?? others.at(0);
  return right === undefined ? [left] : [left, right];
}

/** The number of blocks in each state: two policies with the same numbers look the same. */
function pictureAtPeak(history: InputHistory, { blocks }: RunHistory): string {
  const states = new BlocksAt(blocks).rowsAt(history.peakFrame).map((row) => BLOCK_STATES[blocks.state[row]]);
  return Object.values(countByState(history, states)).join();
}
