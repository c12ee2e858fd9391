/** Serves the requests of a log again, some of them changed, and writes the result as a new log. */
import { isDeepStrictEqual } from 'node:util';
import {
  type EventBatch,
  InputError,
  type LoggedRequest,
  type LogHeader,
  type Request,
  type Seal,
} from '@decpool/model';
import { logHeader, RequestsInLog } from '@decpool/model/internal';
import type { PolicyFactory } from '@decpool/pool';
import type { NewLog } from '../log/new-file.ts';
import type { OpenLog } from '../log/open.ts';
import { openLogWriter } from '../log/write.ts';
import { expectBuiltins } from '../policies/load.ts';
import { eachInTime, inTime } from '../policies/time-limit.ts';
import { RequestsHash } from '../workloads/requests-hash.ts';
import { SideBySide } from './divergence.ts';
import { type HandoverRequest, rerunPool } from './rerun.ts';

/** What is to be served, and where it is written. */
export interface Plan {
  /** Header of the new log. Its request hash and its handovers are corrected after serving. */
  readonly header: LogHeader;
  readonly policy: (requestOf: HandoverRequest) => PolicyFactory;
  readonly out: NewLog;
  /** The first events of the new log that must be as in the old one. */
  readonly keptEvents: number;
  /** Returns the request to serve instead; undefined to leave it out. */
  transform(logged: LoggedRequest): Request | undefined;
}

/** A log whose requests were made again, wholly or in part. */
export interface ServedAgain {
  /** Of the new log. */
  readonly header: LogHeader;
  readonly seal: Seal;
  /** Events before the first request that is served differently: they are the same in both logs. */
  readonly keptEvents: number;
  /** Requests that the new run refuses as invalid, and why the first was. */
  readonly dropped: number;
  readonly firstDropped: string | undefined;
}

/**
 * Serves the requests and writes the log; if the old log was cut off, the new one is sealed as cut off. Throws InputError, and leaves
 * no new log, if the kept events differ, if the log cannot be run again (see rerunPool()), or if the new log cannot be written.
 */
export async function serveAgain(log: OpenLog, plan: Plan): Promise<ServedAgain> {
  const first = await serveOnce(log, plan, plan.header);
  if (first.seal !== undefined) return { ...first, seal: first.seal };
  // The header is written first, but its request hash and handovers are known only now.
  const second = await serveOnce(log, plan, first.header);
  if (second.seal !== undefined) return { ...second, seal: second.seal };
  throw new InputError(
    `${log.path}: its policies decide differently in each run; expected deterministic policies`,
  );
}

/** Has no seal, and no log is written, if the header turned out to be a different one. */
async function serveOnce(
  log: OpenLog,
  { header: planned, policy, out, keptEvents, transform }: Plan,
  header: LogHeader,
): Promise<Omit<ServedAgain, 'seal'> & { readonly seal: Seal | undefined }> {
  const kept = new SideBySide();
  const made = header.workload.requests === '' ? undefined : new RequestsHash();
  let madeRequests = 0;
  const toWrite: EventBatch[] = [];
  const handovers = planned.handovers ?? [];
  /** For each handover of the log: the last request of the new run before it; infinity until it is known. */
  const limits = handovers.map(() => Number.POSITIVE_INFINITY);
  let dropped = 0;
  let firstDropped: string | undefined;

  const pool = rerunPool(
    header,
    policy((index) => limits[index]),
  );
  pool.batches$.subscribe((batch) => {
    toWrite.push(batch);
    kept.right(upTo(batch, keptEvents));
  });
  const isCutOff = log.seal === undefined || log.seal.isCutOff === true;
  const writer = await openLogWriter(out.path, out.format, header, { isCutOff });

  function make(request: Request, seq: number): void {
    try {
      pool.request(request);
      made?.add(request);
      madeRequests++;
    } catch (error) {
      // A request may be valid only under the policy that served it: mapping to user space needs complete pages.
      if (!(error instanceof InputError) || pool.isBroken) throw error;
      dropped++;
      firstDropped ??= `that of event ${seq} in ${log.path}: ${error.message}`;
    }
  }

  async function write(): Promise<void> {
    if (kept.divergence !== undefined) expectKept();
    for (const batch of toWrite.splice(0)) await writer.write(batch);
  }

  function expectKept(): void {
    const { divergence, matched } = kept;
    // A pool without requests does not even boot.
    if (divergence === undefined && (matched === keptEvents || madeRequests === 0)) return;
    throw new InputError(
      `${log.path}: event ${divergence?.seq ?? matched} differs when the requests are run again: the policies changed since the log was written; see 'decpool verify'`,
    );
  }

  try {
    const requests = new RequestsInLog();
    for await (const batch of log.batches()) {
      kept.left(upTo(batch, keptEvents));
      eachInTime(requests.in(batch), (logged) => {
        // If the log's next request comes after a handover, so does the next one here.
        const count = pool.view.counter('requests');
        for (const [index, { request }] of handovers.entries()) {
          const isAfter = logged.number !== undefined && logged.number > request;
          if (isAfter) limits[index] = Math.min(limits[index], count);
        }
        const request = transform(logged);
        if (request !== undefined) make(request, logged.seq);
      });
      await write();
    }
    inTime(() => pool.complete());
    expectBuiltins();
    await write();
    expectKept();
    const served = headerAsServed(header, made, pool.view.counter('requests'), limits);
    const isAsPlanned = isDeepStrictEqual(header, served);
    if (!isAsPlanned) await writer.abort();
    const seal = isAsPlanned ? await writer.finish(pool.hash()) : undefined;
    return { header: served, seal, keptEvents, dropped, firstDropped };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** The header with the hash of the requests that were made, and the requests before each handover. */
function headerAsServed(
  header: LogHeader,
  made: RequestsHash | undefined,
  requests: number,
  limits: readonly number[],
): LogHeader {
  const { workload, handovers } = header;
  const asServed = handovers?.map((earlier, index) => ({
    ...earlier,
    request: Math.min(requests, limits[index]),
  }));
  // The hash covers the keys of background chunks, which a log does not hold.
  const isHashed = made !== undefined && !made.hasBackground;
  return logHeader({
    ...header,
    ...(asServed === undefined ? {} : { handovers: asServed }),
    workload: isHashed ? { ...workload, requests: made.digest() } : workload,
  });
}

const upTo = (batch: EventBatch, events: number): EventBatch =>
  batch.slice(0, Math.max(0, Math.min(batch.length, events - batch.firstSeq)));
