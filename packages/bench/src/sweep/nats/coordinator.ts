/**
 * The engine that has cells run by workers on other machines: it queues cells on a NATS server and takes their results. A result
 * leaves the server when it is on the disk here, so the coordinator may be killed at any moment.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { InputError } from '@decpool/model';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { messageOf } from '../../files/error-text.ts';
import { sha256 } from '../../files/sha256.ts';
import { VERSION } from '../../files/version.ts';
import { isPolicyFile } from '../../policies/load.ts';
import { codeHash, shortHash } from '../identity.ts';
import type { Cell } from '../plan.ts';
import type { DoneCell, Engine, EngineTask } from '../sweep.ts';
import { formText, type ResultMessage, resultMessageSchema } from './cell-message.ts';
import { connectTo, flush, isAway, type Nats, type NatsOptions, whenThere } from './connect.ts';
import { Presence } from './presence.ts';
import { CellQueue, storeInputs } from './queue.ts';
import {
  CELLS,
  COORDINATOR,
  codeOf,
  expectSameCode,
  isNotFound,
  makeConsumers,
  makeStreams,
  numberIn,
  RESULTS,
  removeStreams,
  type StreamsAbout,
  streamsOn,
  WORKERS,
} from './streams.ts';

export interface CoordinatorOptions extends NatsOptions {
  /** Names the folder that takes the results, for good. */
  readonly folder: string;
  /** Whether another sweep on the server is removed. */
  readonly replace: boolean;
  /** Called when workers join or leave. */
  readonly onWorkers?: (workers: number, threads: number) => void;
  /** Called at the end. */
  readonly onEnd?: (counts: DeliveryCounts) => void;
  /** Default: connectTo(). */
  readonly connect?: typeof connectTo;
}

export interface DeliveryCounts {
  /** Times that a cell was given to a worker again, because its worker died, was cut off, left or failed. */
  redelivered: number;
  /** Results of cells that had one already: they are not counted. */
  repeated: number;
}

export const onNats =
  (options: CoordinatorOptions): Engine =>
  async (task) => {
    if (task.toDo.length === 0) return removeLeft(task, options);
    const nats = await connect(task, options);
    const presence = new Presence(nats, options.onWorkers);
    const counts: DeliveryCounts = { redelivered: 0, repeated: 0 };
    try {
      // Again, if the server has lost its streams.
      while (isLeft(task)) await whenThere(nats, () => coordinate(nats, task, options, counts));
      if (task.signal?.aborted !== true) await whenThere(nats, () => removeStreams(nats));
    } catch (error) {
      if (task.signal?.aborted !== true || error !== task.signal.reason) throw refusalOf(error, nats.url);
    } finally {
      presence.stop();
      await nats.connection.close();
      options.onEnd?.(counts);
    }
  };

/** An InputError of what the server refuses: it has too little room, or its account too few rights. */
const refusalOf = (error: unknown, url: string): unknown =>
  codeOf(error) === undefined
    ? error
    : new InputError(`${url}: the server refuses what the sweep needs: ${messageOf(error)}`);

const connect = ({ plan, signal }: EngineTask, options: CoordinatorOptions): Promise<Nats> =>
  (options.connect ?? connectTo)(options, `decpool coordinator of ${plan.definition.name}`, signal);

/**
 * A coordinator that was killed behind the last result has left its sweep on the server, where it is in the way of others. A server
 * that does not answer, or has something else, is no fault of a sweep that is finished.
 */
async function removeLeft(task: EngineTask, options: CoordinatorOptions): Promise<void> {
  let nats: Nats | undefined;
  try {
    nats = await connect(task, options);
    const there = await streamsOn(nats);
    if (there !== undefined && isSame(there.about, aboutOf(task, options))) await removeStreams(nats);
  } catch (error) {
    if (!(error instanceof InputError) && !isAway(error)) throw error;
  } finally {
    await nats?.connection.close();
  }
}

const isLeft = ({ cells, finished, signal }: EngineTask): boolean =>
  signal?.aborted !== true && finished.size < cells.length;

/** Returns when all cells are finished, when it is stopped, or when the streams are gone. */
async function coordinate(
  nats: Nats,
  task: EngineTask,
  options: CoordinatorOptions,
  counts: DeliveryCounts,
): Promise<void> {
  const { cells, finished, signal } = task;
  const own = aboutOf(task, options);
  const there = await streamsOf(own, nats, options);
  const inputs = await storeInputs(nats, cells);
  if (there === undefined) await makeStreams(nats, own);
  await makeConsumers(nats);
  const { about, queued } = there ?? { about: own, queued: 0 };
  // What the folder had when the streams were made was not queued; what finished since then was.
  const before = new Set([...finished.keys()].slice(0, about.before));
  const toQueue = cells.flatMap(({ key }, number) => (before.has(key) ? [] : [number]));
  const stop = new AbortController();
  const isStopped = () => stop.signal.aborted || signal?.aborted === true;
  const queue = new CellQueue(nats, { id: about.id, cells, inputs, toQueue, queued });
  const queueing = queue.run(() => finished.size - before.size, isStopped);
  // What it throws is thrown below, when no result is taken any more.
  queueing.catch(() => stop.abort());
  try {
    await takeResults(nats, task, counts, isStopped);
  } finally {
    stop.abort();
    await queueing;
  }
}

const aboutOf = ({ plan, cells, finished }: EngineTask, { folder }: CoordinatorOptions): StreamsAbout => ({
  ...{ decpool: 'sweep', id: randomUUID(), name: plan.definition.name, version: VERSION, code: codeHash() },
  identity: sha256(JSON.stringify(plan.identity)),
  ...{ folder, cells: cells.length, before: finished.size },
  files: plan.policies.flatMap(({ source, given }) => (isPolicyFile(source) ? [given] : [])),
});

/** The streams of this sweep; undefined if they are to be made. Throws InputError if the server has another sweep. */
async function streamsOf(own: StreamsAbout, nats: Nats, { replace }: CoordinatorOptions) {
  const there = await streamsOn(nats);
  if (there === undefined || isSame(there.about, own)) return there;
  if (!replace) refuseOther(there.about, own, nats.url);
  await removeStreams(nats);
  return undefined;
}

const isSame = (there: StreamsAbout, own: StreamsAbout): boolean =>
  there.code === own.code &&
  there.identity === own.identity &&
  there.folder === own.folder &&
  there.before <= own.before;

function refuseOther(there: StreamsAbout, own: StreamsAbout, url: string): never {
  expectSameCode(there, url);
  if (there.identity === own.identity) {
    throw new InputError(
      `${url}: the results of sweep '${own.name}' go to another folder; use that --out, or start again with --replace`,
    );
  }
  throw new InputError(
    `${url}: the server has sweep '${there.name}' (identity ${shortHash(there.identity)}), not '${own.name}' (${shortHash(own.identity)}); wait until it is done, or remove it with --replace`,
  );
}

/** If no result comes for so long, it may be that none is left on the server. */
const SILENCE_MS = 10_000;
/** Results that the client asks for at a time. */
const RESULTS_AT_A_TIME = 500;

async function takeResults(
  nats: Nats,
  task: EngineTask,
  counts: DeliveryCounts,
  isStopped: () => boolean,
): Promise<void> {
  const consumer = await nats.js.consumers.get(RESULTS, COORDINATOR);
  const messages = await consumer.consume({
    max_messages: RESULTS_AT_A_TIME,
    abort_on_missing_resource: true,
  });
  const inbox = new Inbox(messages);
  try {
    while (!isStopped() && task.finished.size < task.cells.length) {
      const batch = await inbox.take(500);
      if (batch.length > 0) writeResults(batch, task, counts);
      else if (inbox.hasEnded || (inbox.silentMs > SILENCE_MS && (await isEmpty(nats, inbox)))) return;
    }
    // The acks of the last results.
    await flush(nats);
  } finally {
    messages.stop();
  }
}

/** Puts results on the disk, all with one write, and then lets the server forget them. */
function writeResults(batch: readonly JsMsg[], task: EngineTask, counts: DeliveryCounts): void {
  const done = new Map<string, DoneCell>();
  for (const message of batch) {
    const cell = task.cells[numberIn(message.subject)];
    // Not of this sweep.
    if (cell === undefined) continue;
    const { outcome, seconds, deliveries } = resultIn(message, cell);
    counts.redelivered += deliveries - 1;
    if (task.finished.has(cell.key) || done.has(cell.key)) counts.repeated++;
    else done.set(cell.key, { cell, outcome, seconds });
  }
  if (done.size > 0) task.done([...done.values()]);
  for (const message of batch) message.ack();
}

function resultIn(message: JsMsg, { key }: Cell): Omit<ResultMessage, 'key'> {
  try {
    const result = resultMessageSchema.parse(message.json());
    if (result.key === key) return result;
    return { outcome: { failed: `a worker took it for cell ${result.key}` }, seconds: 0, deliveries: 1 };
  } catch (error) {
    return { outcome: { failed: `a worker sent no result: ${formText(error)}` }, seconds: 0, deliveries: 1 };
  }
}

/** Whether neither a cell nor a result is left on the server: then it has lost some, and they are queued anew. */
async function isEmpty(nats: Nats, inbox: Inbox): Promise<boolean> {
  try {
    // In this order: a cell leaves its stream after its result has come.
    const cells = await nats.jsm.consumers.info(CELLS, WORKERS);
    if (cells.num_pending + cells.num_ack_pending > 0) return false;
    const results = await nats.jsm.consumers.info(RESULTS, COORDINATOR);
    if (results.num_pending + results.num_ack_pending > 0 || !inbox.isEmpty) return false;
    await removeStreams(nats);
    return true;
  } catch (error) {
    // Else the server is not there now.
    return isNotFound(error);
  }
}

/** Messages that have come, to be taken all at once. */
class Inbox {
  hasEnded = false;
  #messages: JsMsg[] = [];
  #wake = () => {};
  #last = performance.now();

  constructor(messages: ConsumerMessages) {
    void this.#fill(messages);
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** Since the last message. */
  get silentMs(): number {
    return performance.now() - this.#last;
  }

  /** All that have come; waits for the first. None if none comes for so long, or no more will come. */
  async take(longestMs: number): Promise<readonly JsMsg[]> {
    // The client has time to hand over what came with the last one.
    await setImmediate();
    if (this.isEmpty && !this.hasEnded) {
      const timer = new AbortController();
      const came = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([came, setTimeout(longestMs, undefined, { signal: timer.signal }).catch(() => {})]);
      timer.abort();
    }
    return this.#messages.splice(0);
  }

  async #fill(messages: ConsumerMessages): Promise<void> {
    try {
      for await (const message of messages) {
        this.#messages.push(message);
        this.#last = performance.now();
        this.#wake();
      }
    } catch {
      // The stream is gone, or the connection is closed.
    }
    this.hasEnded = true;
    this.#wake();
  }
}
