/** For specs: a sweep that is put on a server by hand, and its results. */
import { VERSION } from '../../files/version.ts';
import { codeHash } from '../identity.ts';
import type { Cell } from '../plan.ts';
import type { Nats } from './connect.ts';
import { CellQueue, storeInputs } from './queue.ts';
import { makeConsumers, makeStreams, type StreamsAbout } from './streams.ts';

const CODE = codeHash();

/** Of this code, unless it is told otherwise. */
export const aboutOf = (changes: Partial<StreamsAbout> = {}): StreamsAbout => ({
  ...{ decpool: 'sweep', id: 'an-id', name: 'by-hand', version: VERSION, code: CODE },
  ...{ identity: 'an identity', folder: 'a folder', cells: 3, before: 0, files: [] },
  ...changes,
});

/** Queues all the cells. */
export async function makeSweep(
  nats: Nats,
  cells: readonly Cell[],
  changes: Partial<StreamsAbout> = {},
): Promise<StreamsAbout> {
  const about = aboutOf({ cells: cells.length, ...changes });
  const inputs = await storeInputs(nats, cells);
  await makeStreams(nats, about);
  await makeConsumers(nats);
  const toQueue = cells.map((_, number) => number);
  const queue = new CellQueue(nats, { id: about.id, cells, inputs, toQueue, queued: 0 });
  await queue.run(
    () => 0,
    () => false,
  );
  return about;
}

const LONGEST_MS = 8000;
const clock = performance.now.bind(performance);

/** Tests that have ended. */
let ended = 0;

/** Ends all waiting: what a test that failed has begun is not to meddle with the next one. */
export const endWaiting = (): void => void ended++;

/** Waits until it is so. Throws if that takes too long, or if the test has ended. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const before = ended;
  const end = clock() + LONGEST_MS;
  while (!(await isSo())) {
    if (clock() > end || ended > before) throw new Error(`it has not come to this: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Connections that this process has. */
export const connections = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
