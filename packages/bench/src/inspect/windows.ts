import { type EventBatch, InputError } from '@decpool/model';
import type { OpenLog } from '../log/open.ts';

/** Events that are read at once: about what a log keeps between two checkpoints. */
const WINDOW_EVENTS = 2 ** 16;
/** Some 2 MiB each. */
const WINDOWS_HELD = 4;

export interface Row {
  readonly batch: EventBatch;
  readonly row: number;
}

/** A log's events at any place, read a window at a time. The last few windows are kept. */
export class Windows {
  readonly #log: OpenLog;
  /** By index, the least recently used first. */
  readonly #held = new Map<number, readonly EventBatch[]>();

  constructor(log: OpenLog) {
    this.#log = log;
  }

  /** One event. */
  async at(seq: number): Promise<Row> {
    const batches = await this.#window(Math.floor(seq / WINDOW_EVENTS));
    const batch = batches.find(({ firstSeq, length }) => seq < firstSeq + length);
    if (batch === undefined) throw new InputError(`${this.#log.path}: there is no event ${seq}`);
    return { batch, row: seq - batch.firstSeq };
  }

  /** Events [from, to) in batches, in order. */
  async *forward(from: number, to: number): AsyncGenerator<EventBatch> {
    for (let index = Math.floor(from / WINDOW_EVENTS); index * WINDOW_EVENTS < to; index++) {
      for (const batch of await this.#window(index)) {
        const start = Math.max(0, from - batch.firstSeq);
        const end = Math.min(batch.length, to - batch.firstSeq);
        if (start < end) yield batch.slice(start, end);
      }
    }
  }

  /** Events [0, to) in batches, the last batch first. */
  async *backward(to: number): AsyncGenerator<EventBatch> {
    for (let index = Math.floor((to - 1) / WINDOW_EVENTS); index >= 0; index--) {
      for (const batch of (await this.#window(index)).toReversed()) {
        const end = Math.min(batch.length, to - batch.firstSeq);
        if (end > 0) yield batch.slice(0, end);
      }
    }
  }

  async #window(index: number): Promise<readonly EventBatch[]> {
    const from = index * WINDOW_EVENTS;
    const to = Math.min(this.#log.events, from + WINDOW_EVENTS);
    const batches = this.#held.get(index) ?? (await this.#read(from, to));
    this.#held.delete(index);
    this.#held.set(index, batches);
    const [oldest] = this.#held.keys();
    if (this.#held.size > WINDOWS_HELD) this.#held.delete(oldest);
    return batches;
  }

  async #read(from: number, to: number): Promise<EventBatch[]> {
    const batches: EventBatch[] = [];
    for await (const batch of this.#log.batches(from, to)) batches.push(batch);
    const last = batches.at(-1);
    if (from < to && (last === undefined || last.firstSeq + last.length < to)) {
      throw new InputError(`${this.#log.path}: cut off before event ${to - 1}`);
    }
    return batches;
  }
}
