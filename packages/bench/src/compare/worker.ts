/** A thread of comparisons: for each task it makes runs until none is left, and then sends what came of them. */
import { parentPort } from 'node:worker_threads';
import { RequestColumns } from '../workloads/request-columns.ts';
import { Board } from './board.ts';
import { runLane } from './lane.ts';
import { type SentEnded, sent, type ThreadTask } from './sent.ts';

async function runInThread({ runs, workload, board: packed }: ThreadTask): Promise<SentEnded[]> {
  const board = new Board(packed);
  const stop = new AbortController();
  const requests = new RequestColumns(workload.requests);
  const ended = await runLane({ ...runs, workload: { ...workload, requests } }, board, stop.signal, () => {
    if (board.isStopped) stop.abort();
  });
  return ended.map(sent);
}

parentPort?.on('message', async (task: ThreadTask) => parentPort?.postMessage(await runInThread(task)));
