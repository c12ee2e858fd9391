import { SingleBar } from 'cli-progress';
import { SweepPace } from '../sweep/pace.ts';
import type { Cell } from '../sweep/plan.ts';

/** How far a sweep is, on standard error. */
export interface SweepProgress {
  start(toDo: readonly Cell[], workers: number): void;
  /** `seconds`: what the cell took. */
  cell(finished: Cell, seconds: number): void;
  stop(): void;
}

const inputOf = ({ scenario }: Cell): string => scenario.input.facts.name;

/** Watches the clock, and gives every new state to `show`. */
function paced(show: (text: string, done: number, all: number) => void, stop: () => void): SweepProgress {
  let pace = new SweepPace([], 1);
  let begun = performance.now();
  return {
    start(toDo, workers) {
      pace = new SweepPace(toDo.map(inputOf), workers);
      begun = performance.now();
      show(pace.text(0), 0, pace.all);
    },
    cell(finished, seconds) {
      pace.add(inputOf(finished), seconds);
      show(pace.text((performance.now() - begun) / 1000), pace.done, pace.all);
    },
    stop,
  };
}

/** A bar, for a terminal. */
export function sweepBar(name: string): SweepProgress {
  const bar = new SingleBar({
    format: `${name} {bar} {percentage} % | {pace}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  return paced(
    (pace, done, all) => {
      if (done === 0) bar.start(all, 0, { pace });
      else bar.update(done, { pace });
    },
    () => bar.stop(),
  );
}

const LINE_INTERVAL_MS = 10_000;

/** A line now and then, for a log. */
export function progressLines(name: string): SweepProgress {
  let told = performance.now();
  return paced(
    (pace) => {
      if (performance.now() - told < LINE_INTERVAL_MS) return;
      told = performance.now();
      process.stderr.write(`${name}: ${pace}\n`);
    },
    () => {},
  );
}
