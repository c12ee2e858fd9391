/** Cells on threads that the spec runs itself. */
import { InputError } from '@decpool/model';
import { beforeEach, expect, it } from 'vitest';
import type { CellTask, TimedOutcome } from './cell-thread.ts';
import type { Cell } from './plan.ts';
import type { DoneCell, EngineTask } from './sweep.ts';
import { CellThreads, onThreads } from './threads.ts';

/** The pools that were made. */
const pools: FakePool[] = [];
beforeEach(() => {
  pools.length = 0;
});

class FakePool {
  readonly threads: number;
  readonly asked: CellTask[] = [];
  readonly ends: {
    readonly resolve: (outcome: TimedOutcome) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  isDestroyed = 0;

  constructor(threads: number) {
    this.threads = threads;
    pools.push(this);
  }

  run(task: CellTask): Promise<TimedOutcome> {
    this.asked.push(task);
    return new Promise((resolve, reject) => this.ends.push({ resolve, reject }));
  }

  async destroy(): Promise<void> {
    this.isDestroyed++;
    for (const { reject } of this.ends) reject(new Error('Terminating worker thread'));
  }
}
const poolOf = (threads: number) => new FakePool(threads);

const cell = (seed: number): Cell =>
  ({
    ...{ key: `cell ${seed}`, seed, input: {}, platform: {}, settings: {} },
    memory: { packed: `packed ${seed}` },
    policy: { name: 'p', source: '/here/p.ts', given: './p.ts' },
  }) as unknown as Cell;
const outcome = (seed: number): TimedOutcome => ({ outcome: { refused: `no ${seed}` }, seconds: seed });
const turn = () => new Promise(setImmediate);

/** An engine of two threads that runs so many cells. */
function begun(cells: number, signal?: AbortSignal) {
  const told: DoneCell[] = [];
  const toDo = Array.from({ length: cells }, (_, at) => cell(at + 1));
  const task = { toDo, signal, done: (done: readonly DoneCell[]) => void told.push(...done) };
  return { told, end: onThreads(2, poolOf)(task as unknown as EngineTask) };
}

it('has as many threads as it is told, or as there are cells, and one cell more waiting for each', async () => {
  const { told, end } = begun(5);
  const [pool] = pools;
  expect(pool.threads).toBe(2);
  expect(pool.asked.map(({ seed }) => seed)).toEqual([1, 2, 3, 4]);
  const { input, platform, settings, policy } = cell(1);
  expect(pool.asked[0]).toEqual({ input, platform, settings, policy, seed: 1, memory: 'packed 1' });
  pool.ends[2].resolve(outcome(3));
  await turn();
  expect(told).toEqual([{ cell: cell(3), ...outcome(3) }]);
  expect(pool.asked.map(({ seed }) => seed)).toEqual([1, 2, 3, 4, 5]);
  for (const [at, { resolve }] of pool.ends.entries()) resolve(outcome(at + 1));
  await end;
  expect(told.map(({ seconds }) => seconds).toSorted()).toEqual([1, 2, 3, 4, 5]);
  expect(pool.isDestroyed).toBe(1);

  const one = begun(1);
  expect(pools[1].threads).toBe(1);
  pools[1].ends[0].resolve(outcome(1));
  await one.end;
});

it('starts no thread if there is no cell to run', async () => {
  await begun(0).end;
  expect(pools).toEqual([]);
});

it('stops its threads at the signal: what they were at is not done, and is no failure', async () => {
  const stop = new AbortController();
  const { told, end } = begun(6, stop.signal);
  const [pool] = pools;
  pool.ends[0].resolve(outcome(1));
  await turn();
  pool.ends[1].resolve(outcome(2));
  stop.abort();
  await end;
  expect(told.map(({ seconds }) => seconds)).toEqual([1]);
  expect(pool.asked).toHaveLength(5);
  expect(pool.isDestroyed).toBeGreaterThan(0);
});

it('runs nothing of a sweep that is stopped before it begins', async () => {
  const stop = new AbortController();
  stop.abort();
  const { told, end } = begun(3, stop.signal);
  await end;
  expect([told, pools[0].asked]).toEqual([[], []]);
});

it('leaves nothing behind that waits for the signal', async () => {
  const stop = new AbortController();
  const { end } = begun(1, stop.signal);
  pools[0].ends[0].resolve(outcome(1));
  await end;
  stop.abort();
  await turn();
  expect(pools[0].isDestroyed).toBe(1);
});

it('throws what a cell throws, with all threads ended', async () => {
  const { end } = begun(3);
  const defect = new TypeError('not a function');
  pools[0].ends[1].reject(defect);
  await expect(end).rejects.toBe(defect);
  expect(pools[0].isDestroyed).toBe(1);
});

it('refuses a policy file that ends its thread', async () => {
  const threads = new CellThreads(3, poolOf);
  expect(threads.lanes).toBe(6);
  const { input, platform, settings, policy } = cell(9);
  const run = threads.run({ input, platform, settings, policy, seed: 9 } as CellTask);
  pools[0].ends[0].reject(new Error('worker exited with code: 0'));
  await expect(run).rejects.toThrow(
    new InputError(
      "policy './p.ts', seed 9: its thread ended before the cell was done; a policy file may not end the process",
    ),
  );
  await threads.close();
  expect(pools[0].isDestroyed).toBe(1);
});
