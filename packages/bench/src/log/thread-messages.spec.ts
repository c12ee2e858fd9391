/** Reading by a thread whose messages the spec sends itself. */
import { EventEmitter } from 'node:events';
import { InputError } from '@decpool/model';
import { sendBatch } from '@decpool/model/internal';
import { afterEach, expect, it, vi } from 'vitest';
import type { LogStart, ReadOptions } from './parts.ts';
import type { ReadTask, SentPart } from './sent.ts';
import { shortRun } from './testing.ts';
import { partsFromThread } from './thread.ts';

/** The threads that were started. */
const started: FakeThread[] = [];

class FakeThread extends EventEmitter {
  readonly task: ReadTask;
  /** Each time that it may or may not keep the process alive. */
  readonly kept: boolean[] = [];
  isEnded = false;

  constructor(task: ReadTask) {
    super();
    this.task = task;
    started.push(this);
  }

  ref(): void {
    this.kept.push(true);
  }

  unref(): void {
    this.kept.push(false);
  }

  async terminate(): Promise<number> {
    this.isEnded = true;
    return 0;
  }
}

const partsOf = (path: string, options?: ReadOptions, start?: LogStart) =>
  partsFromThread(path, options, start, (task) => new FakeThread(task));
afterEach(() => void vi.restoreAllMocks());

const RUN = shortRun(20);
const HEADER: SentPart = { kind: 'header', header: RUN.header, version: 5 };
const END: SentPart = { kind: 'end' };

/** The thread of a reading that has begun. */
function threadNow(): FakeThread {
  const thread = started.at(-1);
  if (thread === undefined) throw new Error('no thread was started');
  return thread;
}

/** As the thread's program does: counts what waits, then sends. */
function send(thread: FakeThread, ...all: readonly SentPart[]): void {
  for (const sent of all) {
    Atomics.add(thread.task.waiting, 0, 1);
    thread.emit('message', sent);
  }
}

it('is asked for what the reader wants', async () => {
  const start = { offset: 3, lines: 2, events: 1, chain: 'c', header: RUN.header, version: 5 };
  const task = async (...args: Parameters<typeof partsOf>) => {
    const first = partsOf(...args).next();
    send(threadNow(), END);
    expect(await first).toEqual({ done: true, value: undefined });
    return threadNow().task;
  };
  expect(await task('a.arrow')).toMatchObject({ path: 'a.arrow', skipsKeyframes: false, goesOn: false });
  const options = { skipsKeyframes: true, onBroken: () => {} };
  const { waiting, ...rest } = await task('b.arrow', options, start);
  expect(rest).toEqual({ path: 'b.arrow', start, skipsKeyframes: true, goesOn: true });
  expect([...waiting]).toEqual([0]);
});

it('gives parts and calls in the order in which they were sent, and lets the thread send more with each', async () => {
  const woken = vi.spyOn(Atomics, 'notify');
  const told: unknown[] = [];
  const parts = partsOf('a.arrow', {
    onBroken: (found) => told.push(found),
    onRead: (done, all) => told.push([done, all]),
  });
  const first = parts.next();
  const thread = threadNow();
  const [, second] = shortRun(20).batches;
  const events = [...second];
  const { sent, buffers } = sendBatch(second);
  const batch = structuredClone(sent, { transfer: buffers as ArrayBuffer[] });
  const checkpoint = { events: 9, chain: 'c', locator: '' } as never;
  send(
    thread,
    HEADER,
    { kind: 'read', done: 10, all: 30 },
    { kind: 'batch', batch, checkpoint, isVouched: true },
    { kind: 'broken', found: 'event 3' },
    { kind: 'read', done: 20, all: 30 },
    { kind: 'torn', events: 1, bytes: 2 },
    END,
  );
  expect(Atomics.load(thread.task.waiting, 0)).toBe(7);
  expect((await first).value).toEqual(HEADER);
  expect([told.length, Atomics.load(thread.task.waiting, 0)]).toEqual([0, 6]);
  const { value } = await parts.next();
  expect(value).toMatchObject({ kind: 'batch', checkpoint, isVouched: true });
  expect(value?.kind === 'batch' && [...value.batch]).toEqual(events);
  expect(told).toEqual([[10, 30]]);
  expect((await parts.next()).value).toEqual({ kind: 'torn', events: 1, bytes: 2 });
  expect(told).toEqual([[10, 30], 'event 3', [20, 30]]);
  expect(thread.isEnded).toBe(false);
  expect(await parts.next()).toEqual({ done: true, value: undefined });
  expect(Atomics.load(thread.task.waiting, 0)).toBe(0);
  expect(woken.mock.calls).toEqual(Array.from({ length: 7 }, () => [thread.task.waiting, 0]));
  expect(thread.isEnded).toBe(true);
});

it('does without anybody who wants to know what is broken and how far it is', async () => {
  const parts = partsOf('a.arrow');
  const first = parts.next();
  send(threadNow(), { kind: 'read', done: 1, all: 2 }, { kind: 'broken', found: 'event 3' }, HEADER);
  expect((await first).value).toEqual(HEADER);
  await parts.return(undefined);
});

it('keeps the process alive only while somebody waits for the thread', async () => {
  const parts = partsOf('a.arrow');
  const first = parts.next();
  const { kept } = threadNow();
  expect(kept).toEqual([false, true]);
  send(threadNow(), HEADER, HEADER);
  await first;
  expect(kept).toEqual([false, true, false]);
  // This one is there already.
  await parts.next();
  expect(kept).toEqual([false, true, false]);
  const third = parts.next();
  await new Promise(setImmediate);
  expect(kept).toEqual([false, true, false, true]);
  send(threadNow(), HEADER);
  expect((await third).value).toEqual(HEADER);
  expect(kept).toEqual([false, true, false, true, false]);
  await parts.return(undefined);
});

it('ends the thread when the reader leaves off', async () => {
  const parts = partsOf('a.arrow');
  const first = parts.next();
  send(threadNow(), HEADER, HEADER);
  await first;
  await parts.return(undefined);
  expect(threadNow().isEnded).toBe(true);
});

it('throws what was wrong in the thread, behind what it sent before: invalid input as such, all else as it was', async () => {
  const failure = new Error('EIO: i/o error');
  for (const [fails, expected] of [
    [
      (thread: FakeThread) => send(thread, { kind: 'refused', message: 'a.arrow: is empty' }),
      new InputError('a.arrow: is empty'),
    ],
    [(thread: FakeThread) => send(thread, { kind: 'failed', error: failure }), failure],
    [(thread: FakeThread) => thread.emit('error', failure), failure],
    [(thread: FakeThread) => thread.emit('exit', 7), new Error('the thread that reads a log exited with 7')],
  ] as const) {
    const parts = partsOf('a.arrow');
    const first = parts.next();
    send(threadNow(), HEADER);
    fails(threadNow());
    expect((await first).value).toEqual(HEADER);
    const error = await parts.next().catch((thrown: unknown) => thrown);
    expect(error).toEqual(expected);
    expect(error instanceof InputError).toBe(expected instanceof InputError);
    expect(threadNow().isEnded).toBe(true);
  }
});
