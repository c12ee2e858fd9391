/** Workers say now and then that they are there: the coordinator shows how many there are. Nothing depends on it. */
import type { Subscription } from '@nats-io/transport-node';
import { presenceSchema } from './cell-message.ts';
import type { Nats } from './connect.ts';
import { PRESENCE } from './streams.ts';

const EVERY_MS = 2000;
/** A worker that was not heard for so long is gone. */
const GONE_MS = 7000;

/** Says that a worker is there, until the returned function is called. */
export function sayPresent({ connection }: Nats, worker: string, threads: number): () => void {
  const say = (count: number) => {
    if (!connection.isClosed()) connection.publish(PRESENCE, JSON.stringify({ worker, threads: count }));
  };
  say(threads);
  const timer = setInterval(() => say(threads), EVERY_MS);
  return () => {
    clearInterval(timer);
    say(0);
  };
}

/** Counts the workers that are there. */
export class Presence {
  readonly #heard = new Map<string, { readonly threads: number; readonly at: number }>();
  readonly #timer: NodeJS.Timeout;
  readonly #subscription: Subscription;
  readonly #tell: () => void;

  constructor({ connection }: Nats, onWorkers: (workers: number, threads: number) => void = () => {}) {
    this.#tell = () => {
      const all = [...this.#heard.values()];
      onWorkers(
        all.length,
        all.reduce((sum, { threads }) => sum + threads, 0),
      );
    };
    this.#subscription = connection.subscribe(PRESENCE, {
      callback: (error, message) => {
        if (error === null) this.#hear(message.string());
      },
    });
    this.#timer = setInterval(() => this.#forget(), EVERY_MS);
  }

  #hear(text: string): void {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return;
    }
    const parsed = presenceSchema.safeParse(json);
    if (!parsed.success) return;
    const { worker, threads } = parsed.data;
    const isNew = this.#heard.get(worker)?.threads !== threads;
    if (threads === 0) this.#heard.delete(worker);
    else this.#heard.set(worker, { threads, at: performance.now() });
    if (isNew) this.#tell();
  }

  #forget(): void {
    const before = this.#heard.size;
    for (const [worker, { at }] of this.#heard) {
      if (performance.now() - at > GONE_MS) this.#heard.delete(worker);
    }
    if (this.#heard.size !== before) this.#tell();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#subscription.unsubscribe();
  }
}
