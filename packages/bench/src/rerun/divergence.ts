/** Two streams of events, side by side: where they part. */
import { type EventBatch, eventsInCommon, type PoolEvent } from '@decpool/model';

/** The first event that two streams do not share. */
export interface Divergence {
  readonly seq: number;
  /** What each has there; undefined where it has ended. */
  readonly left: PoolEvent | undefined;
  readonly right: PoolEvent | undefined;
}

/** Takes the events of two streams as they come, and holds only what one is ahead of the other. */
export class SideBySide {
  readonly #left: Side = { batches: [], row: 0 };
  readonly #right: Side = { batches: [], row: 0 };
  #matched = 0;
  #divergence: Divergence | undefined;

  /** Events that are the same in both so far. */
  get matched(): number {
    return this.#matched;
  }

  get divergence(): Divergence | undefined {
    return this.#divergence;
  }

  /** The next event of the left stream that the right one has not come to. */
  get nextLeft(): PoolEvent | undefined {
    return next(this.#left);
  }

  left(batch: EventBatch): void {
    this.#take(this.#left, batch);
  }

  right(batch: EventBatch): void {
    this.#take(this.#right, batch);
  }

  /** Both have ended: one that goes on differs from one that does not. */
  end(): void {
    const left = next(this.#left);
    const right = next(this.#right);
    if (this.#divergence === undefined && (left !== undefined || right !== undefined)) {
      this.#divergence = { seq: this.#matched, left, right };
    }
  }

  #take(side: Side, batch: EventBatch): void {
    if (this.#divergence !== undefined || batch.length === 0) return;
    side.batches.push(batch);
    this.#compare();
  }

  #compare(): void {
    for (;;) {
      const left = this.#left.batches[0];
      const right = this.#right.batches[0];
      if (left === undefined || right === undefined) return;
      const length = Math.min(left.length - this.#left.row, right.length - this.#right.row);
      const same = eventsInCommon(left, this.#left.row, right, this.#right.row, length);
      this.#matched += same;
      advance(this.#left, same);
      advance(this.#right, same);
      if (same < length) {
        this.#divergence = { seq: this.#matched, left: next(this.#left), right: next(this.#right) };
        return;
      }
    }
  }
}

interface Side {
  batches: EventBatch[];
  /** Of the first batch: its next row to compare. */
  row: number;
}

const next = ({ batches, row }: Side): PoolEvent | undefined => batches[0]?.at(row);

function advance(side: Side, rows: number): void {
  side.row += rows;
  if (side.row < side.batches[0].length) return;
  side.batches.shift();
  side.row = 0;
}
