import { type EventBatch, InputError } from '@decpool/model';
import type { OpenLog } from '../log/open.ts';

/** Events that are read at once: about what a log keeps between two checkpoints. */
const WINDOW_EVENTS = 2 ** 16;
/** Some 2 MiB each. */
const MOST_WINDOWS = 4;

export interface Row {
  readonly batch: EventBatch;
  readonly row: number;
}

/** A log's events at any place, a window at a time, of which the last few are kept. */
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
    let low = 0;
    let high = batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (batches[middle].firstSeq <= seq) low = middle;
      else high = middle - 1;
    }
    const batch = batches[low];
    if (batch === undefined || seq >= batch.firstSeq + batch.length) {
      throw new InputError(`${this.#log.path}: cut off before event ${seq}`);
    }
    return { batch, row: seq - batch.firstSeq };
  }

  /** Events [from, to) in batches, in order. */
  async *forward(from: number, to: number): AsyncGenerator<EventBatch> {
    for (let at = from; at < to; ) {
      const { batch, row } = await this.at(at);
      const end = Math.min(batch.length, row + to - at);
      yield batch.slice(row, end);
      at += end - row;
    }
  }

  /** Events [0, to) in batches, the last batch first. */
  async *backward(to: number): AsyncGenerator<EventBatch> {
    for (let end = to; end > 0; ) {
      const { batch, row } = await this.at(end - 1);
      yield batch.slice(0, row + 1);
      end = batch.firstSeq;
    }
  }

  async #window(index: number): Promise<readonly EventBatch[]> {
    const held = this.#held.get(index);
    if (held !== undefined) {
      this.#held.delete(index);
      this.#held.set(index, held);
      return held;
    }
    const from = index * WINDOW_EVENTS;
    const batches: EventBatch[] = [];
    for await (const batch of this.#log.batches(from, Math.min(this.#log.events, from + WINDOW_EVENTS))) {
      batches.push(batch);
    }
    this.#held.set(index, batches);
    const [oldest] = this.#held.keys();
    if (this.#held.size > MOST_WINDOWS && oldest !== undefined) this.#held.delete(oldest);
    return batches;
  }
}
