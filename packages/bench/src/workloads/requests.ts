/** Sequences of requests. */
import type { Api, Request } from '@decpool/model';

/** Requests that are read in slices, so that they need not all be objects at once. An array is such a sequence. */
export interface RequestSequence {
  readonly length: number;
  /** Requests [from, to). */
  slice(from: number, to: number): readonly Request[];
  /** The interfaces that requests come through, if that is known without looking at all. */
  readonly apis?: readonly Api[];
  /** CPUs up to the highest that one of them names, if that is known without looking at all. */
  readonly cpus?: number;
}

/** Requests that can also be read from the first to the last. */
export interface Requests extends RequestSequence, Iterable<Request> {}

/** Simulated ns of the last request; 0 when there is none. */
export const endOf = (requests: RequestSequence): number =>
  requests.slice(Math.max(0, requests.length - 1), requests.length).at(0)?.time ?? 0;
