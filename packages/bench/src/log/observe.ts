/** A log's content as cold Observables: each subscriber reads the file for itself, and stops when it unsubscribes. */
import {
  type EventBatch,
  foldBatch,
  initialState,
  machineOf,
  type PoolEvent,
  type State,
} from '@decpool/model';
import { concatMap, defer, from as fromIterable, type Observable, scan, startWith } from 'rxjs';
import type { OpenLog } from './open.ts';

/** Events [from, to) of a log. Default: all. */
export interface EventRange {
  readonly from?: number;
  readonly to?: number;
}

/** The events as batches of columns, for consumers that read many of them. */
export const batchesOf = (log: OpenLog, { from, to }: EventRange = {}): Observable<EventBatch> =>
  defer(() => fromIterable(log.batches(from, to)));

/** The events as frozen objects, each made when it is emitted. */
export const eventsOf = (log: OpenLog, range: EventRange = {}): Observable<PoolEvent> =>
  // As an iterator: a batch also has a length, so RxJS would take it for an array.
  batchesOf(log, range).pipe(concatMap((batch) => batch[Symbol.iterator]()));

/** An immutable state before the first event, and after each batch. */
export const statesOf = (log: OpenLog): Observable<State> =>
  defer(() => {
    const initial = initialState(machineOf(log.header), log.header.memory.directMap);
    return batchesOf(log).pipe(scan(foldBatch, initial), startWith(initial));
  });
