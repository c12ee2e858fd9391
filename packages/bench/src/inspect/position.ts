/** Places in a log. Position N is the state after N events: events 0 to N-1 have happened. */
import { type EventBatch, InputError } from '@decpool/model';
import type { OpenLog } from '../log/open.ts';
import { timeText } from '../text/time.ts';

interface PlaceOptions {
  /** Events. */
  readonly at?: number | undefined;
  /** Simulated ns. */
  readonly time?: number | undefined;
}

/** Default: the end of the log. Throws InputError if the log does not go so far, or if both are given. */
export async function positionOf(log: OpenLog, { at, time }: PlaceOptions): Promise<number> {
  if (at !== undefined && time !== undefined) throw new InputError('--at, --time: expected only one of them');
  if (time !== undefined) return eventsUntil(log, time);
  if (at === undefined) return log.events;
  if (at > log.events) {
    throw new InputError(`${log.path}: position ${at}: expected at most ${log.events}, where the log ends`);
  }
  return at;
}

/** Events up to a time, those at it included. Throws InputError if the log ends before. */
export async function eventsUntil(log: OpenLog, time: number): Promise<number> {
  let low = 0;
  let high = log.events;
  // Each step reads one segment, so a few find the one in which the time lies.
  while (low < high) {
    // A log that cannot be read from the middle is read once, from its start.
    const middle = log.isGzip || log.segments === 0 ? low : Math.floor((low + high) / 2);
    const batch = await firstBatch(log, middle);
    const end = batch.timeAt(batch.length - 1);
    if (batch.timeAt(0) > time) high = middle;
    else if (end > time) {
      let row = 0;
      while (batch.timeAt(row) <= time) row++;
      return middle + row;
    } else {
      low = batch.firstSeq + batch.length;
      if (low < log.events || time === end) continue;
      throw new InputError(
        `${log.path}: time ${timeText(time)}: expected at most ${timeText(end)} (${end} ns), where the log ends`,
      );
    }
  }
  return low;
}

async function firstBatch(log: OpenLog, from: number): Promise<EventBatch> {
  for await (const batch of log.batches(from)) return batch;
  throw new InputError(`${log.path}: cut off after ${from} events`);
}
