/** The smallest part of a history that still shows what the whole of it shows. */
import type { History, Setting } from './histories.ts';

/** What is simplest to think of, each by itself. */
const SIMPLER: readonly Partial<Setting>[] = [
  { platform: 'snp' },
  { granulePages: 1 },
  { memory: 'fresh boot' },
  { restore: false },
  { faults: undefined },
  { workerDelay: 1000 },
  { seed: 1 },
];

/**
 * A simpler, shorter history that is still wrong: halves of its actions are left out, then quarters, down to single actions,
 * and again while that helps. Stops after `mostTries`.
 */
export function shrink(
  history: History,
  mostTries: number,
  isStillWrong: (history: History) => boolean,
): History {
  let tries = 0;
  let best = history;
  const isBetter = (candidate: History): boolean => {
    if (tries++ >= mostTries || !isStillWrong(candidate)) return false;
    best = candidate;
    return true;
  };
  for (const simpler of SIMPLER) isBetter({ ...best, setting: { ...best.setting, ...simpler } });
  if (best.rounds > 1) isBetter({ ...best, rounds: 1 });
  for (let isShorter = true; isShorter; ) {
    isShorter = false;
    for (let part = Math.ceil(best.actions.length / 2); part >= 1; part = Math.floor(part / 2)) {
      for (let from = 0; from < best.actions.length; ) {
        const actions = best.actions.toSpliced(from, part);
        if (isBetter({ ...best, actions })) isShorter = true;
        else from += part;
      }
    }
  }
  return best;
}
