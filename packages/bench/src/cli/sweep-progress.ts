import { SweepPace } from '../sweep/pace.ts';
import type { Cell } from '../sweep/plan.ts';
import type { Output } from './command-context.ts';
import { progressOf } from './progress.ts';

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
  return {
    start(toDo, workers) {
      pace = new SweepPace(toDo.map(inputOf), workers);
      begun = performance.now();
      if (pace.all > 0) progress.show(0, pace.all, pace.text(0));
    },
    cell(finished, seconds) {
      pace.add(inputOf(finished), seconds);
      progress.show(pace.done, pace.all, pace.text((performance.now() - begun) / 1000));
    },
    stop: () => progress.stop(),
  };
}
