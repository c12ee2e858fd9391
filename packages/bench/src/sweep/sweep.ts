/** Has the cells of a sweep run that are not finished yet, and then writes the results. */
import type { TimedOutcome } from './cell-thread.ts';
import type { FinishedCell } from './finished-cell.ts';
import type { SweepFolder } from './folder.ts';
import { type Cell, cellsOf, nameOf, outlineOf, type SweepPlan } from './plan.ts';
import { resultsOf, type SweepResults, writeResults } from './results.ts';
import { type Shard, shardOf } from './shard.ts';

/** What an engine is to run. */
export interface EngineTask {
  readonly plan: SweepPlan;
  /** All cells, in the order of the definition. */
  readonly cells: readonly Cell[];
  /** Those that are to be run. */
  readonly toDo: readonly Cell[];
  /** Cells with a result, by their keys, in the order in which they finished. `done` adds to them. */
  readonly finished: ReadonlyMap<string, FinishedCell>;
  /** Takes cells that are finished. When it returns they are on the disk. */
  done(cells: readonly DoneCell[]): void;
  readonly signal?: AbortSignal | undefined;
}

export type DoneCell = Omit<TimedOutcome, 'outcome'> & {
  readonly cell: Cell;
  /** `failed`: the program failed in the cell, each time it was tried. */
  readonly outcome: TimedOutcome['outcome'] | { readonly failed: string };
};

/** Where cells run: threads of this machine, or workers on others. Returns when all are done, or soon after the signal. */
export type Engine = (task: EngineTask) => Promise<void>;

interface SweepOptions {
  readonly engine: Engine;
  /** Runs only these cells. Default: all. */
  readonly shard?: Shard | undefined;
  /** Stops the sweep; finished cells are kept. */
  readonly signal?: AbortSignal;
  /** Called once before the first cell. */
  readonly onStart?: (toDo: readonly Cell[]) => void;
  /** Called after each cell, when it is on the disk, with the wall-clock seconds it took. */
  readonly onCell?: (cell: Cell, seconds: number) => void;
}

/** Undefined if cells are left: it was stopped, or ran a part. */
export async function sweep(
  plan: SweepPlan,
  folder: SweepFolder,
  { engine, shard, signal, onStart, onCell }: SweepOptions,
): Promise<SweepResults | undefined> {
  const cells = cellsOf(plan);
  const finished = new Map(folder.finished);
  const part = shard === undefined ? cells : shardOf(cells, shard);
  const toDo = part.filter(({ key }) => !finished.has(key));
  onStart?.(toDo);
  const done = (given: readonly DoneCell[]) => {
    const lines = given.map(finishedCell);
    folder.append(lines);
    for (const line of lines) finished.set(line.key, line);
    for (const { cell, seconds } of given) onCell?.(cell, seconds);
  };
  await engine({ plan, cells, toDo, finished, done, signal });
  if (cells.some(({ key }) => !finished.has(key))) return undefined;
  const results = resultsOf(outlineOf(plan), finished);
  writeResults(folder, results);
  return results;
}

const finishedCell = ({ cell, outcome }: DoneCell): FinishedCell => ({
  key: cell.key,
  ...nameOf(cell),
  ...outcome,
});
