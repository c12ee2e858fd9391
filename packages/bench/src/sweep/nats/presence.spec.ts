import { expect, it, vi } from 'vitest';
import type { Nats } from './connect.ts';
import { Presence, sayPresent } from './presence.ts';
import { PRESENCE } from './streams.ts';

/** A test in which time passes as it says. */
const timed = (test: () => void) => () => {
  vi.useFakeTimers();
  try {
    test();
  } finally {
    vi.useRealTimers();
  }
};

type Callback = (error: Error | null, message: { string(): string }) => void;

/** A connection that hands on at once what is published. */
class Wire {
  isClosed = false;
  readonly said: string[] = [];
  #hears: Callback | undefined;
  readonly nats: Nats;

  constructor() {
    const connection = {
      isClosed: () => this.isClosed,
      publish: (subject: string, text: string) => {
        expect(subject).toBe(PRESENCE);
        this.said.push(text);
        this.hear(text);
      },
      subscribe: (subject: string, { callback }: { callback: Callback }) => {
        expect(subject).toBe(PRESENCE);
        this.#hears = callback;
        return {
          unsubscribe: () => {
            this.#hears = undefined;
          },
        };
      },
    };
    this.nats = { connection } as unknown as Nats;
  }

  get isHeard(): boolean {
    return this.#hears !== undefined;
  }

  hear(text: string, error: Error | null = null): void {
    this.#hears?.(error, { string: () => text });
  }

  says(worker: string, threads: number): void {
    this.hear(JSON.stringify({ worker, threads }));
  }
}

/** What a coordinator is told: workers and their threads. */
function coordinator() {
  const wire = new Wire();
  const told: (readonly [number, number])[] = [];
  const presence = new Presence(wire.nats, (workers, threads) => told.push([workers, threads]));
  return { wire, told, presence };
}

it(
  'a worker says that it is there at once and every 2 s, and that it has gone',
  timed(() => {
    const wire = new Wire();
    const absent = sayPresent(wire.nats, 'w', 4);
    const there = '{"worker":"w","threads":4}';
    expect(wire.said).toEqual([there]);
    vi.advanceTimersByTime(1999);
    expect(wire.said).toHaveLength(1);
    vi.advanceTimersByTime(2001);
    expect(wire.said).toEqual([there, there, there]);
    absent();
    expect(wire.said.slice(3)).toEqual(['{"worker":"w","threads":0}']);
    expect(vi.getTimerCount()).toBe(0);
  }),
);

it(
  'a worker whose connection is closed says nothing',
  timed(() => {
    const wire = new Wire();
    wire.isClosed = true;
    sayPresent(wire.nats, 'w', 4)();
    expect(wire.said).toEqual([]);
  }),
);

it(
  'the coordinator is told how many there are when one comes, has other threads, or goes',
  timed(() => {
    const { wire, told } = coordinator();
    const absent = sayPresent(wire.nats, 'a', 4);
    wire.says('b', 2);
    expect(told).toEqual([
      [1, 4],
      [2, 6],
    ]);
    told.length = 0;
    vi.advanceTimersByTime(2000);
    wire.says('b', 2);
    expect(told).toEqual([]);
    wire.says('b', 1);
    absent();
    wire.says('b', 0);
    expect(told).toEqual([
      [2, 5],
      [1, 1],
      [0, 0],
    ]);
  }),
);

it(
  'a worker that was not heard for more than 7 s is gone, as is seen every 2 s',
  timed(() => {
    const { wire, told } = coordinator();
    vi.advanceTimersByTime(999);
    wire.says('a', 1);
    vi.advanceTimersByTime(1);
    wire.says('b', 2);
    told.length = 0;
    vi.advanceTimersByTime(6999);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([[1, 2]]);
    vi.advanceTimersByTime(1999);
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([
      [1, 2],
      [0, 0],
    ]);
    vi.advanceTimersByTime(10_000);
    expect(told).toHaveLength(2);
  }),
);

it(
  'a worker that is heard again and again stays',
  timed(() => {
    const { wire, told } = coordinator();
    sayPresent(wire.nats, 'a', 3);
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([[1, 3]]);
  }),
);

it(
  'what is no message of a worker is not counted',
  timed(() => {
    const { wire, told } = coordinator();
    for (const text of ['', '{"worker":"a"', '7', '{"worker":"a"}', '{"worker":"a","threads":-1}'])
      wire.hear(text);
    wire.hear('{"worker":"a","threads":1}', new Error('not allowed'));
    expect(told).toEqual([]);
  }),
);

it(
  'a coordinator that stops hears no more, and waits for nothing',
  timed(() => {
    const { wire, presence } = coordinator();
    expect(wire.isHeard).toBe(true);
    presence.stop();
    expect([wire.isHeard, vi.getTimerCount()]).toEqual([false, 0]);
  }),
);
