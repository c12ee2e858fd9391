/** Runs the cells of a sweep that are not finished yet, on several threads, and then writes the results. */
import { Piscina } from 'piscina';
import { resourceUrl } from '../files/resource.ts';
import type { FinishedCell } from './finished-cell.ts';
import type { SweepFolder } from './folder.ts';
import { type Cell, cellsOf, type SweepPlan } from './plan.ts';
import { resultsCsv, resultsJson, resultsOf, type SweepResults } from './results.ts';
import type { CellTask, TimedOutcome } from './worker.ts';

interface SweepOptions {
  /** Threads. */
  readonly workers: number;
  /** Stops the sweep; finished cells are kept. */
  readonly signal?: AbortSignal;
  /** Called once before the first cell. */
  readonly onStart?: (toDo: readonly Cell[]) => void;
  /** Called after each cell, when it is on the disk, with the wall-clock seconds it took. */
  readonly onCell?: (cell: Cell, seconds: number) => void;
}

/** Undefined when it was stopped. Throws what a cell threw: a defect, since mistakes are results. */
export async function sweep(
  plan: SweepPlan,
  folder: SweepFolder,
  options: SweepOptions,
): Promise<SweepResults | undefined> {
  const cells = cellsOf(plan);
  const finished = new Map(folder.finished);
  const toDo = cells.filter(({ key }) => !finished.has(key));
  options.onStart?.(toDo);
  await runCells(toDo, options, (cell, { outcome, seconds }) => {
    const line = finishedCell(cell, outcome);
    folder.append(line);
    finished.set(cell.key, line);
    options.onCell?.(cell, seconds);
  });
  if (options.signal?.aborted === true) return undefined;
  const results = resultsOf(plan, cells, finished);
  folder.write('results.csv', resultsCsv(results));
  folder.write('results.json', resultsJson(results));
  return results;
}

/** Cells that wait at a thread's door, for each thread, so that none idles while a cell is written to the disk. */
const QUEUED = 1;

async function runCells(
  toDo: readonly Cell[],
  { workers, signal }: SweepOptions,
  done: (cell: Cell, outcome: TimedOutcome) => void,
): Promise<void> {
  if (toDo.length === 0) return;
  const threads = Math.min(workers, toDo.length);
  const memories = [...new Set(toDo.map(({ memory }) => memory))];
  const pool = new Piscina<CellTask, TimedOutcome>({
    filename: resourceUrl('sweep-worker.js').href,
    minThreads: threads,
    maxThreads: threads,
    workerData: memories.map(({ state }) => state),
  });
  const stop = () => void pool.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  const rest = toDo.values();
  const lane = async () => {
    for (const cell of rest) {
      if (isStopped(signal)) return;
      const { memory, ...others } = cell;
      const outcome = await pool.run({ ...others, memory: memories.indexOf(memory) });
      if (!isStopped(signal)) done(cell, outcome);
    }
  };
  try {
    await Promise.all(Array.from({ length: threads * (1 + QUEUED) }, lane));
  } catch (error) {
    // A thread that was stopped fails its cell; that is no failure of the sweep.
    if (!isStopped(signal)) throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    await pool.destroy();
  }
}

const isStopped = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

function finishedCell(
  { key, input, memory, platform, policy, seed }: Cell,
  outcome: TimedOutcome['outcome'],
): FinishedCell {
  const which = { input: input.facts.name, memory: memory.name, platform: platform.name };
  return { key, ...which, policy: policy.name, seed, ...outcome };
}
