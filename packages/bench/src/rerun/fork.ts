/** What if: the requests of a log served otherwise from some event on, as a new log. */
import {
  type AllocationId,
  type EventBatch,
  InputError,
  InvariantError,
  type LogHeader,
  logHeader,
  type Request,
  type Seal,
} from '@decpool/model';
import type { PolicyFactory } from '@decpool/pool';
import { RequestsHash } from '../compare/requests-hash.ts';
import type { LogFormat } from '../log/format.ts';
import type { OpenLog } from '../log/open.ts';
import { openLogWriter } from '../log/write.ts';
import { type LoggedRequest, RequestsInLog } from './requests-in-log.ts';
import { policyOf, poolFor } from './rerun.ts';

export interface NewLog {
  readonly path: string;
  readonly format: LogFormat;
}

export interface ForkOptions {
  /** The request that this event belongs to is the first to be decided by the new policy. */
  readonly event: number;
  readonly policy: { readonly name: string; readonly factory: PolicyFactory };
  /** Policies of the user's that the log's header may name. */
  readonly own?: ReadonlyMap<string, PolicyFactory>;
  readonly out: NewLog;
}

export interface Served {
  readonly seal: Seal;
  /** Requests served by the log's own policies: those before it. */
  readonly keptRequests: number;
  readonly keptEvents: number;
  /** Requests that were left out, because they are none in the new run, and why the first was. */
  readonly dropped: number;
  readonly firstDropped: string | undefined;
}

/**
 * Keeps the history of a log before the request that an event belongs to, and serves the requests from there on under another
 * policy, which starts with nothing: see handover() in @decpool/pool.
 */
export async function forkLog(log: OpenLog, { event, policy, own, out }: ForkOptions): Promise<Served> {
  const first = await requestOf(log, event);
  const header = forkHeader(log.header, policy.name, Math.max(0, first.request - 1));
  const policies = new Map([...(own ?? []), [policy.name, policy.factory] as const]);
  const served = await serveAgain(log, header, policyOf(header, policies), out, ({ request }) => request);
  return { ...served, keptRequests: Math.max(0, first.request - 1), keptEvents: first.seq };
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

/** Leaves one request out, with those about the allocation that it made, and serves all others again under the same policies. */
export async function skipRequest(
  log: OpenLog,
  { event, own, out }: SkipOptions,
): Promise<Served & { skipped: Request }> {
  const skipped = await loggedRequest(log, event);
  const { request, seq, number } = skipped;
  const { name } = log.header.workload;
  const handovers = log.header.handovers?.map((earlier) => ({
    ...earlier,
    request: number !== undefined && number <= earlier.request ? earlier.request - 1 : earlier.request,
  }));
  const header = logHeader({
    ...log.header,
    ...(handovers === undefined ? {} : { handovers }),
    workload: {
      name: `${name} without the request of event ${seq}`,
      requests: await hashWithout(log, skipped),
    },
  });
  const served = await serveAgain(log, header, policyOf(header, own), out, without(skipped));
  return { ...served, keptRequests: (number ?? 1) - 1, keptEvents: seq, skipped: request };
}

/** What becomes of a request; undefined where it is left out. */
type Transform = (logged: LoggedRequest) => Request | undefined;

/** Leaves a request out, and what follows from it; later allocations move up, as their numbers have no gaps. */
function without({ request: skipped, seq: skippedSeq }: LoggedRequest): Transform {
  const id = skipped.kind === 'allocate' ? skipped.allocation : undefined;
  const key = skipped.kind === 'background-allocate' ? skipped.key : undefined;
  return ({ request, seq }) => {
    if (seq === skippedSeq) return undefined;
    if ('key' in request) return request.key === key ? undefined : request;
    if (id === undefined || request.allocation < id) return request;
    return request.allocation === id
      ? undefined
      : { ...request, allocation: (request.allocation - 1) as AllocationId };
  };
}

async function hashWithout(log: OpenLog, skipped: LoggedRequest): Promise<string> {
  const hash = new RequestsHash();
  const transform = without(skipped);
  for await (const logged of requestsOf(log)) {
    const kept = transform(logged);
    if (kept !== undefined) hash.add(kept);
  }
  return hash.digest();
}

async function* requestsOf(log: OpenLog): AsyncGenerator<LoggedRequest> {
  const requests = new RequestsInLog();
  for await (const batch of log.batches()) yield* requests.in(batch);
}

/** Throws InputError as poolFor() does, and when the new log cannot be written; then there is none. */
async function serveAgain(
  log: OpenLog,
  header: LogHeader,
  policy: PolicyFactory,
  out: NewLog,
  transform: Transform,
): Promise<Pick<Served, 'seal' | 'dropped' | 'firstDropped'>> {
  const pool = poolFor(header, policy);
  const toWrite: EventBatch[] = [];
  pool.batches$.subscribe((batch) => toWrite.push(batch));
  const writer = await openLogWriter(out.path, out.format, header);
  const made = new RequestsHash();
  let dropped = 0;
  let firstDropped: string | undefined;
  try {
    const logs = new RequestsInLog();
    for await (const batch of log.batches()) {
      for (const logged of logs.in(batch)) {
        const request = transform(logged);
        if (request === undefined) continue;
        try {
          pool.request(request);
          made.add(request);
        } catch (error) {
          // A request can be one only under the policy it was made under, as to map pages that are no whole ones here.
          if (error instanceof InvariantError || !(error instanceof InputError)) throw error;
          dropped++;
          firstDropped ??= `that of event ${logged.seq} in ${log.path}: ${error.message}`;
        }
      }
      for (const written of toWrite.splice(0)) await writer.write(written);
    }
    const requests = made.digest();
    if (dropped > 0 && requests !== header.workload.requests) {
      // The header comes first, and names the requests: now it is known which they are.
      await writer.abort();
      const workload = { ...header.workload, requests };
      return await serveAgain(log, logHeader({ ...header, workload }), policy, out, transform);
    }
    pool.complete();
    for (const written of toWrite.splice(0)) await writer.write(written);
    return { seal: await writer.finish(pool.hash()), dropped, firstDropped };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** The number of the request that an event belongs to, and the first event with that number. */
async function requestOf(log: OpenLog, event: number): Promise<{ request: number; seq: number }> {
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
  throw new InputError(`${log.path}: event ${event} happened at boot: no request caused it`);
}
