/**
 * One policy over one workload: requests in, metrics, state hash and, if wanted, a log out.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type EventBatch, InputError, type LogHeader, type MemoryState, type Platform } from '@decpool/model';
import { type PolicyFactory, Pool } from '@decpool/pool';
import type { LogFormat } from '../log/format.ts';
import { type LogWriter, openLogWriter } from '../log/write.ts';
import { allMetrics } from '../metrics/all.ts';
import type { MetricValue } from '../metrics/metric.ts';
import type { Workload } from '../workloads/workload.ts';

export interface RunOptions {
  readonly workload: Workload;
  readonly memory: MemoryState;
  readonly platform: Platform;
  readonly policy: PolicyFactory;
  readonly seed: number;
  /** Identity of the requests for the log's header, from requestsHash(). */
  readonly requests: string;
  /** Where to write the event log; none unless told. */
  readonly log?: { readonly path: string; readonly format: LogFormat };
  /** Called now and then with the number of requests done. */
  readonly onProgress?: (requests: number) => void;
}

export interface RunResult {
  readonly header: LogHeader;
  readonly events: number;
  readonly stateHash: string;
  readonly metrics: readonly MetricValue[];
}

/** SHA-256 of a workload's requests, so that two logs can be told to come from the same ones. */
export function requestsHash(workload: Workload): string {
  const hash = createHash('sha256');
  for (const request of workload.requests) {
    hash.update(
      request.kind === 'allocate'
        ? `${request.time} a ${request.allocation} ${request.api} ${request.pages} ${request.bytes} ${request.owner}\n`
        : `${request.time} f ${request.allocation}\n`,
    );
  }
  return hash.digest('hex');
}

/** Requests decided in one go; then the log is written, progress told, and a signal heard. */
const CHUNK = 1024;

/** Throws InputError for requests that the pool refuses as malformed, naming the request. */
export async function runPolicy(options: RunOptions): Promise<RunResult> {
  const pool = new Pool({
    memory: options.memory,
    platform: options.platform,
    policy: options.policy,
    seed: options.seed,
    workload: { name: options.workload.name, requests: options.requests },
  });
  const metrics = allMetrics(pool.header);
  const toWrite: EventBatch[] = [];
  pool.batches$.subscribe((batch) => {
    metrics.observe(batch);
    if (options.log !== undefined) toWrite.push(batch);
  });
  const writer =
    options.log === undefined
      ? undefined
      : await openLogWriter(options.log.path, options.log.format, pool.header);
  try {
    const { requests } = options.workload;
    for (let from = 0; from < requests.length; from += CHUNK) {
      serve(pool, options.workload, from, Math.min(requests.length, from + CHUNK));
      await drain(writer, toWrite);
      options.onProgress?.(Math.min(requests.length, from + CHUNK));
      await setImmediate();
    }
    pool.complete();
    await drain(writer, toWrite);
    const stateHash = pool.hash();
    const { counters } = pool;
    await writer?.finish({ events: counters.events, stateHash });
    return { header: pool.header, events: counters.events, stateHash, metrics: metrics.values(counters) };
  } catch (error) {
    await writer?.abort();
    throw error;
  }
}

function serve(pool: Pool, workload: Workload, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    const request = workload.requests[index];
    // A caller whose allocation failed has nothing to free.
    if (request.kind === 'free' && pool.view.isRefused(request.allocation)) continue;
    try {
      pool.request(request);
    } catch (error) {
      if (error instanceof InputError) {
        throw new InputError(`workload '${workload.name}', request ${index + 1}: ${error.message}`);
      }
      throw error;
    }
  }
}

async function drain(writer: LogWriter | undefined, batches: EventBatch[]): Promise<void> {
  for (const batch of batches.splice(0)) await writer?.write(batch);
}
