/** Reading a log in a thread of its own, while this one works on what it has read. */
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { InputError } from '@decpool/model';
import { receiveBatch } from '@decpool/model/internal';
import { resourceUrl } from '../files/resource.ts';
import type { LogPart, LogStart, ReadOptions } from './parts.ts';
import type { ReadTask, SentPart } from './sent.ts';

/** The library is published without the thread's program. */
export const canStartThread = (): boolean => existsSync(resourceUrl('log-worker.js'));

const startThread = (task: ReadTask): Worker =>
  new Worker(resourceUrl('log-worker.js'), { workerData: task });

/** As partsHere() of the file at `path`: the same parts, calls and errors in the same order. */
export async function* partsFromThread(
  path: string,
  { onBroken, skipsKeyframes = false, onRead }: ReadOptions = {},
  start?: LogStart,
  started: (task: ReadTask) => Thread = startThread,
): AsyncGenerator<LogPart> {
  const waiting = new Int32Array(new SharedArrayBuffer(4));
  const task: ReadTask = { path, start, skipsKeyframes, goesOn: onBroken !== undefined, waiting };
  const messages = new Messages(started(task));
  try {
    for (;;) {
      const sent = await messages.next();
      Atomics.sub(waiting, 0, 1);
      Atomics.notify(waiting, 0);
      switch (sent.kind) {
        case 'batch':
          yield { ...sent, batch: receiveBatch(sent.batch) };
          break;
        case 'broken':
          onBroken?.(sent.found);
          break;
        case 'read':
          onRead?.(sent.done, sent.all);
          break;
        case 'refused':
          throw new InputError(sent.message);
        case 'failed':
          throw sent.error;
        case 'end':
          return;
        default:
          yield sent;
      }
    }
  } finally {
    await messages.end();
  }
}

/** What a reader asks of a Worker. */
interface Thread extends Pick<Worker, 'ref' | 'unref' | 'terminate'> {
  on(event: 'message', listener: (sent: SentPart) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
}

/** What a thread sends, in order. It keeps the process alive only while somebody waits for it. */
class Messages {
  readonly #worker: Thread;
  readonly #arrived: SentPart[] = [];
  #wake: (() => void) | undefined;

  constructor(worker: Thread) {
    this.#worker = worker;
    worker.on('message', (sent: SentPart) => this.#add(sent));
    worker.on('error', (error) => this.#add({ kind: 'failed', error }));
    worker.on('exit', (code) =>
      this.#add({ kind: 'failed', error: new Error(`the thread that reads a log exited with ${code}`) }),
    );
    worker.unref();
  }

  async next(): Promise<SentPart> {
    let first = this.#arrived.shift();
    if (first !== undefined) return first;
    this.#worker.ref();
    while (first === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      first = this.#arrived.shift();
    }
    this.#worker.unref();
    return first;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #add(sent: SentPart): void {
    this.#arrived.push(sent);
    this.#wake?.();
  }
}
