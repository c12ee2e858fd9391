/** How fast events are folded into state, in each of several ways, on the same events in the same process. */
import {
  type Columns,
  type EventBatch,
  type LogHeader,
  type PoolEvent,
  platformNamed,
  type State,
} from '@decpool/model';
import { EventRows, foldRows, publish } from '@decpool/model/internal';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { from, lastValueFrom, Subject, scan } from 'rxjs';
import { initialColumns } from '../log/fold.ts';
import { CHURN_MEAN_PAGES, churn } from '../workloads/churn.ts';
import { naiveReducer, naiveState } from './naive.ts';

export interface Guest {
  readonly name: string;
  readonly bytes: number;
  readonly liveAllocations: number;
}

interface FoldSpeed {
  readonly way: string;
  readonly events: number;
  readonly nsPerEvent: number;
}

const ROUNDS = 3;

/** ns per event of the fastest of three rounds: a shared machine only ever adds time. `prepare` is not timed. */
function fastest<Start>(events: number, prepare: () => Start, round: (start: Start) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const prepared = prepare();
    const start = performance.now();
    round(prepared);
    best = Math.min(best, ((performance.now() - start) * 1e6) / events);
  }
  return best;
}

export interface History {
  readonly header: LogHeader;
  /** Brings the guest to its number of live allocations. */
  readonly setup: readonly EventBatch[];
  /** Churn in the steady state. */
  readonly steady: readonly EventBatch[];
  readonly liveAllocations: number;
}

/** Events of a guest that is filled and then churns for `steadyRequests`. */
export function history(guest: Guest, steadyRequests: number): History {
  const livePages = Math.round(guest.liveAllocations * CHURN_MEAN_PAGES);
  const all = guest.liveAllocations + steadyRequests;
  const { requests } = churn.generate({ requests: all, livePages, seed: 7 });
  const pool = new Pool({
    memory: freshBoot(guest.bytes),
    platform: platformNamed('snp'),
    policy: policyNamed('first-fit+block+never-return'),
    batchRows: 8192,
  });
  const setup: EventBatch[] = [];
  const steady: EventBatch[] = [];
  let target = setup;
  pool.batches$.subscribe((batch) => target.push(batch));
  let liveAllocations = 0;
  for (const [index, request] of requests.entries()) {
    if (index === requests.length - steadyRequests) {
      pool.flush();
      liveAllocations = pool.view.counter('liveAllocations');
      target = steady;
    }
    pool.request(request);
  }
  pool.complete();
  return { header: pool.header, setup, steady, liveAllocations };
}

function columnsAfter({ header, setup }: History): Columns {
  const columns = initialColumns(header);
  for (const batch of setup) columns.fold(batch);
  return columns;
}

/** Bulk replay: batches into typed-array columns. */
export function bulkSpeed(events: History): FoldSpeed {
  const count = events.steady.reduce((sum, batch) => sum + batch.length, 0);
  const fold = (columns: Columns) => {
    for (const batch of events.steady) columns.fold(batch);
  };
  const nsPerEvent = fastest(count, () => columnsAfter(events), fold);
  return { way: 'bulk replay through columns', events: count, nsPerEvent };
}

/** Live: a new immutable state per event, handed to three subscribers with the frozen event. */
export function liveSpeed(events: History, count: number): FoldSpeed {
  const base = publish(columnsAfter(events));
  const steady = firstEvents(events.steady, count);
  const rows = new EventRows(steady.length);
  for (const event of steady) rows.appendObject(event);
  const nsPerEvent = fastest(
    steady.length,
    () => base,
    (start) => {
      const changes = new Subject<{ event: PoolEvent; state: State }>();
      let seen = 0;
      for (let i = 0; i < 3; i++) {
        changes.subscribe(({ state }) => {
          seen += state.counters.livePages;
        });
      }
      let state = start;
      for (let row = 0; row < rows.length; row++) {
        state = foldRows(state, rows.columns, row, row + 1);
        changes.next({ event: steady[row], state });
      }
      if (seen === 0) throw new Error('the subscribers saw nothing');
    },
  );
  return { way: 'live: an immutable state per event, 3 subscribers', events: steady.length, nsPerEvent };
}

/** Naive: scan(produce) over plain records. */
export async function naiveSpeed(events: History, count: number, autoFreeze: boolean): Promise<FoldSpeed> {
  const view = columnsAfter(events).view();
  const base = naiveState(view, events.setup);
  const steady = firstEvents(events.steady, count);
  const reduce = naiveReducer(events.header.geometry, autoFreeze);
  // The first produce freezes the whole tree: not what an event costs.
  const warm = steady.slice(0, 50).reduce(reduce, base);
  const rest = steady.slice(50);
  const start = performance.now();
  await lastValueFrom(from(rest).pipe(scan(reduce, warm)));
  const nsPerEvent = ((performance.now() - start) * 1e6) / rest.length;
  const way = `naive scan(produce), autoFreeze ${autoFreeze ? 'on' : 'off'}`;
  return { way, events: rest.length, nsPerEvent };
}

function firstEvents(batches: readonly EventBatch[], count: number): PoolEvent[] {
  const events: PoolEvent[] = [];
  for (const batch of batches) if (events.length < count) events.push(...batch);
  return events.slice(0, count);
}
