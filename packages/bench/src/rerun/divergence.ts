/** Two streams of events, side by side: the first event that differs. */
import type { EventBatch, PoolEvent } from '@decpool/model';
import { eventsInCommon } from '@decpool/model/internal';

/** The first event that two streams do not share. */
export interface Divergence {
  readonly seq: number;
  /** The event that each stream has there; undefined if the stream has ended. */
  readonly left: PoolEvent | undefined;
  readonly right: PoolEvent | undefined;
  /** The last events that both streams have. */
  readonly before: readonly PoolEvent[];
}

/** Most events that a divergence has before it. */
const CONTEXT_EVENTS = 10;

interface Side {
  /** Batches that were not compared to their end. */
  readonly batches: EventBatch[];
  /** Next row of the first batch to compare. */
  row: number;
}

const nextOf = ({ batches, row }: Side): PoolEvent | undefined => batches[0]?.at(row);

/** Takes the events of two streams as they come, and holds only those by which one stream is ahead. */
export class SideBySide {
  readonly #left: Side = { batches: [], row: 0 };
  readonly #right: Side = { batches: [], row: 0 };
  /** The last events of the left batches that were compared to their end. */
  #passed: PoolEvent[] = [];
  #matched = 0;
  #divergence: Divergence | undefined;

  /** Events so far that are the same in both. */
  get matched(): number {
    return this.#matched;
  }

  get divergence(): Divergence | undefined {
    return this.#divergence;
  }

  /** The next event of the left stream that the right one has not reached. */
  get nextLeft(): PoolEvent | undefined {
    return nextOf(this.#left);
  }

  left(batch: EventBatch): void {
    this.#take(this.#left, batch);
  }

  right(batch: EventBatch): void {
    this.#take(this.#right, batch);
  }

  /** Call if both streams have ended: then they differ if one of them has more events. */
  end(): void {
    const hasMore = this.#left.batches.length > 0 || this.#right.batches.length > 0;
    if (this.#divergence === undefined && hasMore) this.#diverge();
  }

  #take(side: Side, batch: EventBatch): void {
    if (this.#divergence !== undefined || batch.length === 0) return;
    side.batches.push(batch);
    while (this.#divergence === undefined) {
      const [left, right] = [this.#left.batches[0], this.#right.batches[0]];
      if (left === undefined || right === undefined) return;
      const length = Math.min(left.length - this.#left.row, right.length - this.#right.row);
      const same = eventsInCommon(left, this.#left.row, right, this.#right.row, length);
      this.#matched += same;
      this.#advance(this.#left, same);
      this.#advance(this.#right, same);
      if (same < length) this.#diverge();
    }
  }

  #advance(side: Side, rows: number): void {
    side.row += rows;
    if (side.row < side.batches[0].length) return;
    if (side === this.#left) this.#passed = this.#lastEvents();
    side.batches.shift();
    side.row = 0;
  }

  #lastEvents(): PoolEvent[] {
    const { batches, row } = this.#left;
    const last = batches[0]?.slice(Math.max(0, row - CONTEXT_EVENTS), row) ?? [];
    return [...this.#passed, ...last].slice(-CONTEXT_EVENTS);
  }

  #diverge(): void {
    const before = this.#lastEvents();
    this.#divergence = { seq: this.#matched, left: nextOf(this.#left), right: nextOf(this.#right), before };
  }
}
