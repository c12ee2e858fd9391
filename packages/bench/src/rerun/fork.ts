/** What-if runs: the requests of a log served again with another policy or without one request, as a new log. */
import {
  type AllocationId,
  InputError,
  type LoggedRequest,
  type LogHeader,
  type Request,
} from '@decpool/model';
import { logHeader, RequestsInLog } from '@decpool/model/internal';
import type { PolicyFactory } from '@decpool/pool';
import type { NewLog } from '../log/new-file.ts';
import type { OpenLog } from '../log/open.ts';
import { type OwnPolicies, policyOf } from './rerun.ts';
import { type ServedAgain, serveAgain } from './serve-again.ts';

/** Which request is left out, and the log to write. */
export interface SkipOptions {
  /** An event of the request to leave out; or of the first request that a new policy decides. */
  readonly event: number;
  readonly own?: OwnPolicies;
  readonly out: NewLog;
}

/** Where another policy takes over, and the log to write. */
export interface ForkOptions extends SkipOptions {
  readonly policy: { readonly name: string; readonly factory: PolicyFactory };
}

/** The log that forkLog() wrote. */
export interface Forked extends ServedAgain {
  /** Requests that the log's own policies decide. */
  readonly keptRequests: number;
}

/**
 * Keeps the history of a log before the request that an event belongs to, and serves the later requests under another policy. That
 * policy starts empty: see handover() in @decpool/pool. Throws InputError as serveAgain() does, and if the log's own policies do not
 * lead to its history again.
 */
export async function forkLog(log: OpenLog, { event, policy, own, out }: ForkOptions): Promise<Forked> {
  const first = await requestAt(log, event);
  const keptRequests = Math.max(0, first.request - 1);
  const header = forkHeader(log.header, policy.name, keptRequests);
  const served = await serveAgain(log, {
    header,
    policy: (requestOf) => policyOf(header, own, policy.factory, requestOf),
    out,
    // The policy also decides what happens at boot.
    keptEvents: keptRequests === 0 ? 0 : first.seq,
    transform: ({ request }) => request,
  });
  return { ...served, keptRequests };
}

/** The header of a log in which `policy` decides the requests after number `request`. */
export function forkHeader(header: LogHeader, policy: string, request: number): LogHeader {
  const { handovers = [], ...rest } = header;
  if (request === 0) return logHeader({ ...rest, policy });
  const kept = handovers.filter((earlier) => earlier.request < request);
  const current = handovers.find((earlier) => earlier.request >= request)?.policy ?? header.policy;
  return logHeader({ ...rest, policy, handovers: [...kept, { policy: current, request }] });
}

/** The log that skipRequest() wrote, and the request that it lacks. */
export interface Skipped extends ServedAgain {
  readonly skipped: LoggedRequest;
}

/**
 * Leaves out one request and the later ones for the allocation that it made, and serves all others again under the same policies.
 * Throws InputError as forkLog() does.
 */
export async function skipRequest(log: OpenLog, { event, own, out }: SkipOptions): Promise<Skipped> {
  const skipped = await loggedRequest(log, event);
  const { seq, number } = skipped;
  const { workload } = log.header;
  const header = logHeader({
    ...log.header,
    workload: { ...workload, name: `${workload.name} without the request of event ${seq}` },
  });
  const served = await serveAgain(log, {
    header,
    policy: (requestOf) => policyOf(header, own, undefined, requestOf),
    out,
    keptEvents: number === undefined ? seq : (await requestAt(log, seq)).seq,
    transform: without(skipped),
  });
  return { ...served, skipped };
}

/** Leaves out a request and what follows from it. Later allocations are renumbered, as their numbers have no gaps. */
function without({ request: skipped, seq: skippedSeq }: LoggedRequest) {
  const id = skipped.kind === 'allocate' ? skipped.allocation : undefined;
  const key = skipped.kind === 'background-allocate' ? skipped.key : undefined;
  return ({ request, seq }: LoggedRequest): Request | undefined => {
    if (seq === skippedSeq) return undefined;
    if ('key' in request) return request.key === key ? undefined : request;
    if (id === undefined || request.allocation < id) return request;
    return request.allocation === id
      ? undefined
      : { ...request, allocation: (request.allocation - 1) as AllocationId };
  };
}

/** The number of the request that an event belongs to, and the first event with that number. */
async function requestAt(log: OpenLog, event: number): Promise<{ request: number; seq: number }> {
  if (log.events === 0) {
    const why = log.seal === undefined ? ': it was cut off before the end of its first segment' : '';
    throw new InputError(`${log.path}: the log has no events${why}`);
  }
  if (!Number.isInteger(event) || event < 0 || event >= log.events) {
    throw new InputError(`${log.path}: event ${event}: expected one of its events, 0 to ${log.events - 1}`);
  }
  let request = 0;
  for await (const batch of log.batches(event, event + 1)) request = batch.requestAt(0);
  for (let back = 2 ** 10; ; back *= 8) {
    const from = Math.max(0, event - back);
    const seq = await firstOf(log, request, from, event);
    // If the search began inside the request, it goes further back.
    if (seq > from || from === 0) return { request, seq };
  }
}

/** The first event in [from, last] that belongs to the request, as `last` does. */
async function firstOf(log: OpenLog, request: number, from: number, last: number): Promise<number> {
  for await (const batch of log.batches(from, last)) {
    for (let row = 0; row < batch.length; row++) {
      if (batch.requestAt(row) === request) return batch.firstSeq + row;
    }
  }
  return last;
}

/** The request that an event states, or the one whose number it carries. */
async function loggedRequest(log: OpenLog, event: number): Promise<LoggedRequest> {
  const { request: number } = await requestAt(log, event);
  const requests = new RequestsInLog();
  let found: LoggedRequest | undefined;
  for await (const batch of log.batches()) {
    for (const logged of requests.in(batch)) {
      if (logged.seq === event) return logged;
      if (logged.number === number) found = logged;
      if (logged.seq > event && found !== undefined) return found;
    }
  }
  if (found !== undefined) return found;
  throw new InputError(`${log.path}: event ${event}: it happened at boot and belongs to no request`);
}
