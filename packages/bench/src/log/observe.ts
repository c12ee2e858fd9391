/** A log's content as Observables: cold, so that each subscriber reads the file for itself, and stops when it unsubscribes. */
import {
  type EventBatch,
  foldBatch,
  frameOf,
  initialState,
  type PoolEvent,
  type State,
} from '@decpool/model';
import { defer, type Observable, Observable as Source, scan, startWith } from 'rxjs';
import type { OpenLog } from './open.ts';

/** Events [from, to) of a log. */
export interface EventRange {
  readonly from?: number;
  /** The end of the log unless told. */
  readonly to?: number;
}

/** The events as batches of columns: for whatever reads many of them. */
export function batchesOf(
  log: OpenLog,
  { from = 0, to = log.events }: EventRange = {},
): Observable<EventBatch> {
  return new Source((subscriber) => {
    const read = async () => {
      for await (const batch of log.batches(from, to)) {
        if (subscriber.closed) return;
        subscriber.next(batch);
      }
      subscriber.complete();
    };
    read().catch((error: unknown) => subscriber.error(error));
  });
}

/** The events as frozen objects, each made when its turn comes. */
export function eventsOf(log: OpenLog, range: EventRange = {}): Observable<PoolEvent> {
  return new Source((subscriber) =>
    batchesOf(log, range).subscribe({
      next: (batch) => {
        for (let row = 0; row < batch.length && !subscriber.closed; row++) subscriber.next(batch.at(row));
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    }),
  );
}

/** An immutable state before the first event, and after each batch. */
export function statesOf(log: OpenLog): Observable<State> {
  return defer(() => {
    const initial = initialState(frameOf(log.header), log.header.memory.directMap);
    return batchesOf(log).pipe(scan(foldBatch, initial), startWith(initial));
  });
}
