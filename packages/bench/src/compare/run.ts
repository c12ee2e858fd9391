/**
 * One policy over one workload: requests in, metrics, state hash and, if wanted, a log out.
 */
import { setImmediate } from 'node:timers/promises';
import {
  type EventBatch,
  type Faults,
  InputError,
  type LogHeader,
  type MemoryState,
  type PageSourceSettings,
  type Platform,
  type Request,
} from '@decpool/model';
import { bootPoolBytes, type PolicyFactory, Pool } from '@decpool/pool';
import { type MeasuredBlocks, measuredBlocks } from '../bounds/measured.ts';
import type { LogFormat } from '../log/format.ts';
import { type LogWriter, openLogWriter, UnwrittenError } from '../log/write.ts';
import { ByOwner, type OwnerFigures } from '../metrics/by-owner.ts';
import { allMetrics, type MetricValue } from '../metrics/metric.ts';
import { Timeline, type TimelinePoint } from '../metrics/timeline.ts';

/** What a run has beside memory, platform and policy; each has a usual value, or none. */
export interface RunSettings {
  /** How the page source works. */
  readonly pageSource?: PageSourceSettings;
  /** Conversions that fail. */
  readonly faults?: Faults;
  /** Whether the bounce buffers grow; they are there when a request is for them. */
  readonly isSwiotlbDynamic?: boolean;
}

/** Requests as a run reads them, some at a time, so that they need not all be objects at once. An array is such a sequence. */
export interface RequestSequence {
  readonly length: number;
  /** Requests [from, to). */
  slice(from: number, to: number): readonly Request[];
  some(holds: (request: Request) => boolean): boolean;
}

export interface RunOptions extends RunSettings {
  readonly workload: { readonly name: string; readonly requests: RequestSequence };
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
  /** Ends the run between two requests: it throws the signal's reason, and the log stays as far as it was written. */
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly header: LogHeader;
  readonly events: number;
  readonly stateHash: string;
  readonly metrics: readonly MetricValue[];
  /** What the bounds are on. */
  readonly bounded: MeasuredBlocks;
  readonly byOwner: readonly OwnerFigures[];
  readonly timeline: readonly TimelinePoint[];
}

/** Requests decided in one go; then the log is written, progress told, and a signal heard. */
const CHUNK = 1024;

/** Throws InputError for requests that the pool refuses as malformed, naming the request. */
export async function runPolicy(options: RunOptions): Promise<RunResult> {
  const pool = poolFor(options);
  const metrics = allMetrics(pool.header);
  const byOwner = new ByOwner();
  const timeline = new Timeline(pool.header);
  const bounded = measuredBlocks(pool.header, endOf(options.workload.requests));
  const toWrite: EventBatch[] = [];
  pool.batches$.subscribe((batch) => {
    metrics.observe(batch);
    byOwner.observe(batch);
    timeline.observe(batch);
    bounded.observe(batch);
    if (options.log !== undefined) toWrite.push(batch);
  });
  const writer =
    options.log === undefined
      ? undefined
      : await openLogWriter(options.log.path, options.log.format, pool.header);
  try {
    const { requests } = options.workload;
    for (let from = 0; from < requests.length; from += CHUNK) {
      options.signal?.throwIfAborted();
      serve(pool, options.workload, from, Math.min(requests.length, from + CHUNK));
      await drain(writer, toWrite);
      options.onProgress?.(Math.min(requests.length, from + CHUNK));
      await setImmediate();
    }
    pool.complete();
    await drain(writer, toWrite);
    const stateHash = pool.hash();
    const { counters } = pool;
    await writer?.finish(stateHash);
    return {
      header: pool.header,
      events: counters.events,
      stateHash,
      metrics: metrics.values(counters),
      bounded: bounded.result(),
      byOwner: byOwner.figures(),
      timeline: timeline.points(),
    };
  } catch (error) {
    // What was written of a run that was stopped, or that the disk did not take, can be recovered.
    if (options.signal?.aborted === true) {
      pool.flush();
      await drain(writer, toWrite);
      await writer?.close();
    } else if (error instanceof UnwrittenError) {
      await writer?.close();
    } else {
      await writer?.abort();
    }
    throw error;
  }
}

/** Simulated ns of the last request. */
const endOf = (requests: RequestSequence): number =>
  requests.slice(Math.max(0, requests.length - 1), requests.length).at(0)?.time ?? 0;

function poolFor(options: RunOptions): Pool {
  const { workload, memory, platform, policy, seed, pageSource, faults } = options;
  const isMapping = workload.requests.some(
    (request) => request.kind === 'allocate' && request.api === 'dma_map',
  );
  const swiotlb = { bytes: bootPoolBytes(memory), dynamic: options.isSwiotlbDynamic === true };
  return new Pool({
    memory,
    platform,
    policy,
    seed,
    workload: { name: workload.name, requests: options.requests },
    ...(pageSource === undefined ? {} : { pageSource }),
    ...(faults === undefined ? {} : { faults }),
    ...(isMapping ? { swiotlb } : {}),
  });
}

function serve(pool: Pool, workload: RunOptions['workload'], from: number, to: number): void {
  for (const [offset, request] of workload.requests.slice(from, to).entries()) {
    try {
      pool.request(request);
    } catch (error) {
      if (error instanceof InputError) {
        throw new InputError(`workload '${workload.name}', request ${from + offset + 1}: ${error.message}`);
      }
      throw error;
    }
  }
}

async function drain(writer: LogWriter | undefined, batches: EventBatch[]): Promise<void> {
  for (const batch of batches.splice(0)) await writer?.write(batch);
}
