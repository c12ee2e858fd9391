/** The threads of comparisons, beside this one. They load the program while this one begins. */
import { Worker } from 'node:worker_threads';
import { resourceUrl } from '../files/resource.ts';
import { packRequests } from '../workloads/request-columns.ts';
import type { Requests } from '../workloads/requests.ts';
import type { Board } from './board.ts';
import type { Ended, Runs } from './lane.ts';
import { received, type SentEnded, type ThreadTask } from './sent.ts';

export class Threads {
  readonly #workers: readonly Worker[];

  constructor(count: number) {
    this.#workers = Array.from({ length: count }, () => new Worker(resourceUrl('compare-worker.js')));
  }

  /** Makes runs of the board in every thread, until none is left. Throws what stopped a thread. */
  async run(
    { workload, ...runs }: Runs & { readonly workload: { readonly requests: Requests } },
    board: Board,
  ): Promise<Ended[]> {
    const requests = packRequests(workload.requests);
    const task: ThreadTask = { runs, workload: { name: workload.name, requests }, board: board.packed };
    const answers = await Promise.all(
      this.#workers.map((worker) => {
        // It lies in the thread's queue until that has loaded the program, however busy this thread is.
        worker.postMessage(task);
        return answerOf(worker);
      }),
    );
    return answers.flat().map(received);
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

async function answerOf(worker: Worker): Promise<SentEnded[]> {
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`a thread of the comparison exited with ${code}`)));
    });
  } finally {
    // By name: without one it would also remove what starts the port for the next listener.
    for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
  }
}
