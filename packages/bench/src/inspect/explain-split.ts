/** Splits of a log by their event numbers. */
import { type EventBatch, InputError, type PoolEvent, TYPE } from '@decpool/model';
import type { OpenLog } from '../log/open.ts';
import { countText } from '../text/counts.ts';
import type { RangeAsked } from './explain-range.ts';

/** Splits that an error names, before and behind the event that is none. */
const MOST_NAMED = 3;

/** What a split is of, by its event's number. Throws InputError that names splits near by when that event is none. */
export async function splitAt(log: OpenLog, seq: number, position: number): Promise<RangeAsked> {
  if (seq >= position) {
    throw new InputError(`${log.path}: event ${seq}: expected one before position ${position}`);
  }
  for await (const batch of log.batches(seq, seq + 1)) {
    const event = batch.at(0);
    if (event.type !== 'large-page-split') throw await noSplit(log, seq, event.type);
    return rangeOf(log, event);
  }
  throw new InputError(`${log.path}: cut off before event ${seq}`);
}

/** What the first split of a log is of; undefined if there is none before the position. */
export async function firstSplit(log: OpenLog, position: number): Promise<RangeAsked | undefined> {
  for await (const batch of log.batches(0, position)) {
    for (let row = 0; row < batch.length; row++) {
      if (batch.typeAt(row) !== TYPE.largePageSplit) continue;
      const event = batch.at(row);
      if (event.type === 'large-page-split') return rangeOf(log, event);
    }
  }
  return undefined;
}

type LargePageSplit = Extract<PoolEvent, { type: 'large-page-split' }>;

const rangeOf = (log: OpenLog, { seq, pfn, level }: LargePageSplit): RangeAsked => ({
  kind: level === 2 ? 'block' : 'region',
  block: Math.floor(pfn / log.header.geometry.pagesPerBlock),
  splitEvent: seq,
});

async function noSplit(log: OpenLog, seq: number, type: string): Promise<InputError> {
  const near = new NearSplits(seq);
  for await (const batch of log.batches()) near.observe(batch);
  return new InputError(`${log.path}: event ${seq} is ${type}, no large-page-split; ${near.text()}`);
}

class NearSplits {
  readonly #seq: number;
  readonly #before: number[] = [];
  readonly #after: number[] = [];
  #count = 0;

  constructor(seq: number) {
    this.#seq = seq;
  }

  observe(batch: EventBatch): void {
    for (let row = 0; row < batch.length; row++) {
      if (batch.typeAt(row) !== TYPE.largePageSplit) continue;
      this.#count++;
      const seq = batch.firstSeq + row;
      if (seq > this.#seq) {
        if (this.#after.length < MOST_NAMED) this.#after.push(seq);
        continue;
      }
      this.#before.push(seq);
      if (this.#before.length > MOST_NAMED) this.#before.shift();
    }
  }

  text(): string {
    if (this.#count === 0) return 'the log has none';
    // The three nearest, in order.
    const near = [...this.#before, ...this.#after]
      .sort((a, b) => Math.abs(a - this.#seq) - Math.abs(b - this.#seq))
      .slice(0, MOST_NAMED)
      .sort((a, b) => a - b);
    return `the log has ${countText(this.#count, 'split')}, the nearest at event${near.length === 1 ? '' : 's'} ${near.join(', ')}; 'decpool splits' lists all`;
  }
}
