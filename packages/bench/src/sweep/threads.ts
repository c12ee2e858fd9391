/** Threads of this machine that run cells. */
import { InputError } from '@decpool/model';
import { Piscina } from 'piscina';
import { messageOf } from '../files/error-text.ts';
import { resourceUrl } from '../files/resource.ts';
import type { CellTask, TimedOutcome } from './cell-thread.ts';
import type { Engine } from './sweep.ts';

/** Cells that wait at a thread's door, for each thread, so that none idles while a cell is written to the disk. */
const QUEUED = 1;

/** What runs tasks on threads of its own. */
type ThreadPool = Pick<Piscina<CellTask, TimedOutcome>, 'run' | 'destroy'>;

/** Makes a pool of so many threads. */
export type PoolOf = (threads: number) => ThreadPool;

const threadPool: PoolOf = (threads) =>
  new Piscina({
    filename: resourceUrl('sweep-worker.js').href,
    minThreads: threads,
    maxThreads: threads,
  });

export class CellThreads {
  /** Cells to be given to `run()` at a time. */
  readonly lanes: number;
  readonly #pool: ThreadPool;

  constructor(threads: number, poolOf: PoolOf = threadPool) {
    this.lanes = threads * (1 + QUEUED);
    this.#pool = poolOf(threads);
  }

  /**
   * Rejects with what the cell threw, which is a defect, and for cells that `close()` stops. Rejects with InputError if the cell ended
   * its thread.
   */
  async run(task: CellTask): Promise<TimedOutcome> {
    try {
      return await this.#pool.run(task);
    } catch (error) {
      if (!/worker exited with code/.test(messageOf(error))) throw error;
      throw new InputError(
        `policy '${task.policy.given}', seed ${task.seed}: its thread ended before the cell was done; a policy file may not end the process`,
      );
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** An engine of so many threads. It throws what a cell throws. */
export const onThreads =
  (threads: number, poolOf: PoolOf = threadPool): Engine =>
  async ({ toDo, done, signal }) => {
    if (toDo.length === 0) return;
    const pool = new CellThreads(Math.min(threads, toDo.length), poolOf);
    const stop = () => void pool.close();
    signal?.addEventListener('abort', stop, { once: true });
    const rest = toDo.values();
    const lane = async () => {
      for (const cell of rest) {
        if (isStopped(signal)) return;
        const { input, memory, platform, policy, seed, settings } = cell;
        const task = { input, memory: memory.packed, platform, policy, seed, settings };
        const timed = await pool.run(task);
        if (!isStopped(signal)) done([{ cell, ...timed }]);
      }
    };
    try {
      await Promise.all(Array.from({ length: pool.lanes }, lane));
    } catch (error) {
      // A thread that was stopped fails its cell; that is no failure of the sweep.
      if (!isStopped(signal)) throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      await pool.close();
    }
  };

const isStopped = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;
