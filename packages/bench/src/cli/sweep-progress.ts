import { SweepPace } from '../sweep/pace.ts';
import type { Cell } from '../sweep/plan.ts';
import type { Output } from './output.ts';
import { paceText, progressOf } from './progress.ts';

/** How far a sweep is, on standard error. */
export interface SweepProgress {
  start(toDo: readonly Cell[], workers: number): void;
  /** `seconds`: what the cell took. */
  cell(finished: Cell, seconds: number): void;
  stop(): void;
}

const inputOf = ({ scenario }: Cell): string => scenario.input.facts.name;

export function sweepProgress(name: string, output: Output): SweepProgress {
  const progress = progressOf(name, output);
  let pace = new SweepPace([], 1);
  let begun = performance.now();
  const show = () => {
    const { done, all, secondsLeft } = pace;
    const seconds = (performance.now() - begun) / 1000;
    progress.show(done, all, paceText(done, all, 'cells', seconds, secondsLeft));
  };
  return {
    start(toDo, workers) {
      pace = new SweepPace(toDo.map(inputOf), workers);
      begun = performance.now();
      if (toDo.length > 0) show();
    },
    cell(finished, seconds) {
      pace.add(inputOf(finished), seconds);
      show();
    },
    stop: () => progress.stop(),
  };
}
