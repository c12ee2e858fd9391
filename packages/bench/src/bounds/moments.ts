/**
 * When an offline plan converts memory. If the caller may not sleep, the deferred worker does it: it shares a block just before
 * the request that needs it. It makes one private a delay after the request that left it empty, or before the next request.
 *
 * A moment is a number that orders like time: 3k and 3k + 1 are the worker's before request k, for what is made private
 * and for what is shared; 3k + 2 is request k itself.
 */
import type { Request } from '@decpool/model';
import { DEFAULT_WORKER_DELAY } from '@decpool/model/internal';
import { ANYWHERE, type PageItem } from './items.ts';

export interface Moments {
  readonly requests: readonly Request[];
  /** Simulated ns at which the trace ends: of its last request, which may be one that is left out here. */
  readonly until: number;
  /**
   * When a block of a place can be shared, ascending: when a caller that may sleep allocates there. The worker claims pages
   * anywhere.
   */
  readonly byPlace: ReadonlyMap<string, readonly number[]>;
}

const PER_REQUEST = 3;
const momentOf = (request: number): number => PER_REQUEST * request + 2;
const beforeIt = (request: number): number => PER_REQUEST * request + 1;
const afterIt = (request: number): number => PER_REQUEST * (request + 1);

/** The request that a moment is of, or before. */
export const requestAt = (moment: number): number => Math.floor(moment / PER_REQUEST);
export const isWorkers = (moment: number): boolean => moment % PER_REQUEST !== 2;

/** Moments of requests that come down to these items; the trace ends at `until` ns. */
export function momentsOf(requests: readonly Request[], items: readonly PageItem[], until: number): Moments {
  const byPlace = new Map<string, number[]>();
  for (const { place, start, mayConvertAtStart } of items) {
    if (place === ANYWHERE || !mayConvertAtStart) continue;
    const known = byPlace.get(place);
    if (known === undefined) byPlace.set(place, [momentOf(start)]);
    else known.push(momentOf(start));
  }
  return { requests, until, byPlace };
}

/** The last moment at which an item's block can be shared for it; undefined for none. */
export function openingFor({ byPlace }: Moments, item: PageItem): number | undefined {
  const { place, start, mayConvertAtStart } = item;
  if (mayConvertAtStart) return momentOf(start);
  if (place === ANYWHERE) return beforeIt(start);
  return byPlace.get(place)?.findLast((moment) => moment < momentOf(start));
}

/** The first moment at which an item's block can be made private after it. */
export const closingAfter = ({ end, mayConvertAtEnd }: PageItem): number =>
  mayConvertAtEnd ? momentOf(end) : afterIt(end);

/** Simulated ns of a moment; the end of the trace for one behind the last request. */
export function timeOf({ requests, until }: Moments, moment: number): number {
  const request = requestAt(moment);
  if (request >= requests.length) return until;
  const { time } = requests[request];
  if (moment !== PER_REQUEST * request) return time;
  return Math.min(time, (requests[request - 1]?.time ?? 0) + DEFAULT_WORKER_DELAY);
}
