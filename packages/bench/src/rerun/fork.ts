/** What if: the requests of a log served otherwise from some event on, as a new log. */
import { type AllocationId, InputError, type LogHeader, logHeader, type Request } from '@decpool/model';
import type { PolicyFactory } from '@decpool/pool';
import type { OpenLog } from '../log/open.ts';
import { type LoggedRequest, RequestsInLog } from './requests-in-log.ts';
import { policiesOf } from './rerun.ts';
import { type NewLog, type ServedAgain, serveAgain } from './serve-again.ts';

export interface ForkOptions {
  /** The request that this event belongs to is the first to be decided by the new policy. */
  readonly event: number;
  readonly policy: { readonly name: string; readonly factory: PolicyFactory };
  /** Policies of the user's that the log's header may name. */
  readonly own?: ReadonlyMap<string, PolicyFactory>;
  readonly out: NewLog;
}

export interface Forked extends ServedAgain {
  /** Requests that the log's own policies decide. */
  readonly keptRequests: number;
}

/**
 * Keeps the history of a log before the request that an event belongs to, and serves the requests from there on under another
 * policy, which starts with nothing: see handover() in @decpool/pool. Throws InputError where the log's own policies do not make
 * its history again, and as serveAgain() does.
 */
export async function forkLog(log: OpenLog, { event, policy, own, out }: ForkOptions): Promise<Forked> {
  const first = await requestOf(log, event);
  const keptRequests = Math.max(0, first.request - 1);
  const header = forkHeader(log.header, policy.name, keptRequests);
  const served = await serveAgain(log, {
    header,
    policies: policiesOf(header, own, policy.factory),
    out,
    // What happens at boot is the policy's doing, too.
    keptEvents: keptRequests === 0 ? 0 : first.seq,
    transform: ({ request }) => request,
  });
  return { ...served, keptRequests };
}

/** The header of a log whose requests behind number `request` are decided by `policy`. */
export function forkHeader(header: LogHeader, policy: string, request: number): LogHeader {
  const { handovers = [], ...rest } = header;
  const kept = handovers.filter((earlier) => earlier.request < request);
  const current = handovers.find((earlier) => earlier.request >= request)?.policy ?? header.policy;
  const all = request === 0 ? [] : [...kept, { policy: current, request }];
  return logHeader({ ...rest, policy, ...(all.length === 0 ? {} : { handovers: all }) });
}

export interface SkipOptions {
  /** An event of the request to leave out. */
  readonly event: number;
  readonly own?: ReadonlyMap<string, PolicyFactory>;
  readonly out: NewLog;
}

export interface Skipped extends ServedAgain {
  readonly skipped: LoggedRequest;
}

/**
 * Leaves one request out, with those about the allocation that it made, and serves all others again under the same policies. Throws
 * InputError as forkLog() does.
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
    policies: policiesOf(header, own),
    out,
    keptEvents: number === undefined ? seq : (await requestOf(log, seq)).seq,
    transform: without(skipped),
  });
  return { ...served, skipped };
}

/** Leaves a request out, and what follows from it; later allocations move up, as their numbers have no gaps. */
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

async function* requestsOf(log: OpenLog): AsyncGenerator<LoggedRequest> {
  const requests = new RequestsInLog();
  for await (const batch of log.batches()) yield* requests.in(batch);
}

/** The number of the request that an event belongs to, and the first event with that number. */
async function requestOf(log: OpenLog, event: number): Promise<{ request: number; seq: number }> {
  if (log.events === 0) throw new InputError(`${log.path}: the log has no events`);
  if (!Number.isInteger(event) || event < 0 || event >= log.events) {
    throw new InputError(`${log.path}: event ${event}: expected one of its events, 0 to ${log.events - 1}`);
  }
  let request = 0;
  for await (const batch of log.batches(event, event + 1)) request = batch.requestAt(0);
  for (let back = 2 ** 10; ; back *= 8) {
    const from = Math.max(0, event - back);
    const seq = await firstOf(log, request, from, event);
    // Where the search began inside of the request, it goes further back.
    if (seq > from || from === 0) return { request, seq };
  }
}

/** The first event from `from` on that belongs to the request, as event `last` does. */
async function firstOf(log: OpenLog, request: number, from: number, last: number): Promise<number> {
  for await (const batch of log.batches(from, last)) {
    for (let row = 0; row < batch.length; row++) {
      if (batch.requestAt(row) === request) return batch.firstSeq + row;
    }
  }
  return last;
}

/** The request that an event belongs to: its own, where it tells of one, or the one whose number it carries. */
async function loggedRequest(log: OpenLog, event: number): Promise<LoggedRequest> {
  const { request: number } = await requestOf(log, event);
  let owner: LoggedRequest | undefined;
  for await (const logged of requestsOf(log)) {
    if (logged.seq === event) return logged;
    if (logged.number === number) owner = logged;
    if (logged.seq > event && owner !== undefined) return owner;
  }
  if (owner !== undefined) return owner;
  throw new InputError(`${log.path}: event ${event}: it happened at boot and belongs to no request`);
}
