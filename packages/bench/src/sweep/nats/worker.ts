/** A worker: takes cells of the sweep that a server has, one after the other, and sends their results. It may join and leave at any time. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { InputError } from '@decpool/model';
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import { messageOf } from '../../files/error-text.ts';
import { CellThreads, type PoolOf } from '../threads.ts';
import { type CellMessage, cellMessageSchema, formText, type ResultMessage } from './cell-message.ts';
import { connectTo, flush, isAway, type Nats, type NatsOptions, whenThere } from './connect.ts';
import { WorkerInputs } from './inputs.ts';
import { sayPresent } from './presence.ts';
import {
  CELLS,
  expectSameCode,
  INPUTS,
  isNotFound,
  isTaken,
  numberIn,
  resultSubject,
  type StreamsAbout,
  streamsOn,
  WORKERS,
  WORKING_MS,
} from './streams.ts';

interface WorkerOptions extends NatsOptions {
  readonly threads: number;
  /** Whether it runs policy files that come with a sweep: they are programs. */
  readonly allowPolicies: boolean;
  /** Ends the worker. Cells that it has not finished go to others at once. */
  readonly signal: AbortSignal;
  /** Called when it waits for a sweep, when it joins one, and when it leaves one with the cells it has run. */
  readonly onChange?: (text: string) => void;
  /** Where cells run. Default: threads of this process. */
  readonly poolOf?: PoolOf;
  /** So long the server holds a request for a cell; then the worker looks whether the sweep is still there. Default: 5000. */
  readonly nextMs?: number;
  /** Default: connectTo(). */
  readonly connect?: typeof connectTo;
}

const WAIT_MS = 1000;

/** Works on one sweep after the other until the signal. Throws InputError if a sweep is of other code, or has files that it may not run. */
export async function work(options: WorkerOptions): Promise<void> {
  const { signal, threads, onChange = () => {}, connect = connectTo } = options;
  const nats = await connect(options, `decpool worker of ${threads} threads`, signal);
  let isWaiting = false;
  try {
    while (!signal.aborted) {
      const streams = await whenThere(nats, () => streamsOn(nats));
      if (streams === undefined) {
        if (!isWaiting) onChange(`waits for a sweep on ${nats.url}`);
        isWaiting = true;
        await setTimeout(WAIT_MS, undefined, { signal }).catch(() => {});
        continue;
      }
      isWaiting = false;
      const { about } = streams;
      expectWorkable(about, nats.url, options);
      onChange(`joined '${about.name}' on ${nats.url}: ${about.cells} cells`);
      const cells = await new SweepWork(nats, about, options).run();
      onChange(`left '${about.name}': ${cells} cells were run here`);
    }
    // What was put back.
    await flush(nats);
  } finally {
    await nats.connection.close();
  }
}

function expectWorkable(about: StreamsAbout, url: string, { allowPolicies }: WorkerOptions): void {
  expectSameCode(about, url);
  if (about.files.length === 0 || allowPolicies) return;
  throw new InputError(
    `${url}: sweep '${about.name}' has policy files (${about.files.join(', ')}), which are programs; a worker runs them only with --allow-policies`,
  );
}

const NEXT_MS = 5000;
/** A cell that fails is tried by another worker after so long. */
const AGAIN_MS = 1000;
/** So long a worker that ends waits for a cell that comes too late: its last request may get one that it has put back itself. */
const LATE_MS = 200;
/** A cell that was given out so often, without a result or an error, ends the workers that run it. */
const MOST_DELIVERIES = 10;

/** One sweep, for as long as it is on the server. */
class SweepWork {
  readonly #nats: Nats;
  readonly #about: StreamsAbout;
  readonly #options: WorkerOptions;
  readonly #threads: CellThreads;
  /** Resolves when the worker is told to end. */
  readonly #left: Promise<undefined>;
  #leave = () => {};
  /** The last request for a cell. */
  #asking: Promise<unknown> = Promise.resolve();
  /** Resolves when the cell that came too late for this worker is put back. */
  #late: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #cells = 0;

  constructor(nats: Nats, about: StreamsAbout, options: WorkerOptions) {
    this.#nats = nats;
    this.#about = about;
    this.#options = options;
    this.#threads = new CellThreads(options.threads, options.poolOf);
    this.#left = new Promise((resolve) => {
      this.#leave = () => resolve(undefined);
    });
  }

  /** Returns the number of cells that it has run. */
  async run(): Promise<number> {
    const { signal, threads, allowPolicies } = this.#options;
    const leave = () => {
      this.#isOver = true;
      this.#leave();
      // Fails the cells that run: they are put back.
      void this.#threads.close();
    };
    signal.addEventListener('abort', leave, { once: true });
    const bucket = await whenThere(this.#nats, () => this.#nats.objects.open(INPUTS, false));
    const inputs = new WorkerInputs(bucket, allowPolicies);
    const absent = sayPresent(this.#nats, randomUUID(), threads);
    try {
      const consumer = await this.#consumer();
      if (consumer === undefined) return 0;
      await Promise.all(Array.from({ length: this.#threads.lanes }, () => this.#lane(consumer, inputs)));
      if (signal.aborted) await Promise.race([this.#late, setTimeout(LATE_MS)]);
    } finally {
      absent();
      signal.removeEventListener('abort', leave);
      inputs.close();
      await this.#threads.close();
    }
    return this.#cells;
  }

  async #consumer(): Promise<Consumer | undefined> {
    try {
      return await whenThere(this.#nats, () => this.#nats.js.consumers.get(CELLS, WORKERS));
    } catch (error) {
      // It is made a moment after its stream, and removed with it.
      if (!isNotFound(error)) throw error;
      await setTimeout(WAIT_MS);
      return undefined;
    }
  }

  /** Runs one cell after the other. */
  async #lane(consumer: Consumer, inputs: WorkerInputs): Promise<void> {
    while (!this.#isOver) {
      const message = await this.#next(consumer);
      if (message === undefined) await this.#look();
      else await this.#serve(message, inputs);
    }
  }

  /** One lane asks at a time, so that a server with nothing to do has one request of each worker to remember. */
  #next(consumer: Consumer): Promise<JsMsg | undefined> {
    const next = this.#asking.then(() => (this.#isOver ? undefined : this.#ask(consumer)));
    this.#asking = next.catch(() => {});
    return next;
  }

  /** Undefined if there is no cell for a while, or no server. */
  async #ask(consumer: Consumer): Promise<JsMsg | undefined> {
    const next = consumer.next({ expires: this.#options.nextMs ?? NEXT_MS });
    try {
      return (await Promise.race([next, this.#left])) ?? undefined;
    } catch (error) {
      if (!isAway(error) && !isNotFound(error)) throw error;
      await setTimeout(AGAIN_MS);
      return undefined;
    } finally {
      // One that comes too late goes to another worker.
      if (this.#isOver) this.#late = next.then((message) => message?.nak()).catch(() => {});
    }
  }

  /** Ends the work if this sweep is no more on the server. */
  async #look(): Promise<void> {
    if (this.#isOver) return;
    const streams = await whenThere(this.#nats, () => streamsOn(this.#nats));
    if (streams?.about.id !== this.#about.id) this.#isOver = true;
  }

  async #serve(message: JsMsg, inputs: WorkerInputs): Promise<void> {
    if (this.#isOver) return message.nak();
    const working = setInterval(() => message.working(), WORKING_MS);
    try {
      const result = await this.#resultOf(message, inputs);
      if (result === undefined) {
        message.nak(this.#isOver ? undefined : AGAIN_MS);
        return;
      }
      if (!(await this.#send(numberIn(message.subject), result))) return message.nak();
      message.ack();
      this.#cells++;
    } finally {
      clearInterval(working);
    }
  }

  /** Undefined if the cell is to be put back: for the first error, and if the worker leaves. */
  async #resultOf(message: JsMsg, inputs: WorkerInputs): Promise<ResultMessage | undefined> {
    const { deliveryCount: deliveries } = message.info;
    const cell = this.#cellIn(message);
    const failed = (why: string): ResultMessage => ({
      ...{ key: cell.key, outcome: { failed: why }, seconds: 0, deliveries },
    });
    if (deliveries > MOST_DELIVERIES) {
      return failed(`${MOST_DELIVERIES} workers took the cell and sent neither a result nor an error`);
    }
    // An error may be this worker's own, as too little memory: two have to fail, or one twice.
    for (const isLast of deliveries === 1 ? [false] : [false, true]) {
      try {
        return { key: cell.key, ...(await this.#run(cell, inputs)), deliveries };
      } catch (error) {
        if (this.#isOver) return undefined;
        if (isLast) return failed(messageOf(error));
      }
    }
    return undefined;
  }

  #cellIn(message: JsMsg): CellMessage {
    try {
      return cellMessageSchema.parse(message.json());
    } catch (error) {
      throw new InputError(`${this.#nats.url}: ${message.subject} is no cell: ${formText(error)}`);
    }
  }

  async #run(cell: CellMessage, inputs: WorkerInputs) {
    const task = await whenThere(this.#nats, () => inputs.taskOf(cell));
    return this.#threads.run(task);
  }

  /** True when the server has the result; false if nobody wants it any more, or the worker leaves. */
  async #send(cell: number, result: ResultMessage): Promise<boolean> {
    const subject = resultSubject(this.#about.id, cell);
    const payload = JSON.stringify(result);
    for (;;) {
      try {
        await this.#nats.js.publish(subject, payload, { msgID: String(cell) });
        return true;
      } catch (error) {
        // Another worker has sent one.
        if (isTaken(error)) return true;
        if (!isAway(error)) throw error;
      }
      if (this.#isOver) return false;
      await setTimeout(AGAIN_MS);
      await this.#look();
    }
  }
}
