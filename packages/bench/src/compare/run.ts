/** One policy over one workload: requests in, metrics, state hash and, if wanted, a log out. */
import { setImmediate } from 'node:timers/promises';
import {
  type EventBatch,
  type Faults,
  InputError,
  type LogHeader,
  type MemoryState,
  type OwnerFigures,
  orderFor,
  type PageSourceSettings,
  type Platform,
} from '@decpool/model';
import { hasRestrictedPool, RunProjections } from '@decpool/model/internal';
import type { PolicyFactory, Pool } from '@decpool/pool';
import { bootPoolBytes } from '@decpool/pool/internal';
import { type MeasuredBlocks, measuredBlocks } from '../bounds/measured.ts';
import type { LogFormat } from '../log/format.ts';
import { type LogWriter, openLogWriter, UnwrittenError } from '../log/write.ts';
import { type MetricId, type MetricValue, metricsOfRun } from '../metrics/metric.ts';
import { Timeline, type TimelinePoint } from '../metrics/timeline.ts';
import { expectBuiltins } from '../policies/load.ts';
import { eachInTime, inTime } from '../policies/time-limit.ts';
import { endOf, type RequestSequence } from '../workloads/requests.ts';
import { apisOf, cpusOf } from '../workloads/workload.ts';
import { poolFor } from './pool-for.ts';

/** Optional settings of a run. */
export interface RunSettings {
  /** How the page source works. */
  readonly pageSource?: PageSourceSettings;
  /** Conversions that fail. Default: none. */
  readonly faults?: Faults;
  /** Whether the bounce buffers grow. */
  readonly isSwiotlbDynamic?: boolean;
  /** False: a guest without atomic DMA pools, and without bounce buffers unless a request maps. Default: as its platform has them. */
  readonly hasBootPools?: false;
}

export interface RunOptions extends RunSettings {
  readonly workload: { readonly name: string; readonly requests: RequestSequence };
  readonly memory: MemoryState;
  readonly platform: Platform;
  readonly policy: PolicyFactory;
  readonly seed: number;
  /** Metrics that are wanted. Default: all. */
  readonly metrics?: readonly MetricId[];
  /** Whether splits by owner and the timeline are wanted, too; else they are empty. Default: yes. */
  readonly hasDetails?: boolean;
  /** The requests' requestsHash(), for the log's header. */
  readonly requests: string;
  /** Where to write the event log. Default: none is written. */
  readonly log?: { readonly path: string; readonly format: LogFormat };
  /** Called now and then with the number of requests done. */
  readonly onProgress?: (requests: number) => void;
  /** Ends the run between two requests: it throws the signal's reason and leaves an unfinished log. */
  readonly signal?: AbortSignal;
}

/** The figures of one run. */
export interface RunResult {
  readonly header: LogHeader;
  readonly events: number;
  readonly stateHash: string;
  readonly metrics: readonly MetricValue[];
  /** What the boot pools of swiotlb and of the DMA API cost, which is in none of the metrics: see RunMetrics. */
  readonly atBoot: readonly MetricValue[];
  /** The figures that the bounds apply to. */
  readonly bounded: MeasuredBlocks;
  readonly byOwner: readonly OwnerFigures[];
  readonly timeline: readonly TimelinePoint[];
}

/** Requests between two writes of the log, reports of progress and looks at the signal. */
const CHUNK = 1024;

/** Throws InputError that names the request if the pool refuses it as invalid. */
export async function runPolicy(options: RunOptions): Promise<RunResult> {
  const { memory, log, signal } = options;
  const { name, requests } = options.workload;
  const apis = requests.apis ?? apisOf(requests.slice(0, requests.length));
  // A restricted DMA pool cannot grow, and has one area: rmem_swiotlb_device_init(), kernel/dma/swiotlb.c.
  const isRestricted = hasRestrictedPool(options.platform);
  const areas = isRestricted ? 1 : 2 ** orderFor(knownCpus(requests));
  const swiotlb = {
    bytes: bootPoolBytes(memory, options.platform),
    dynamic: options.isSwiotlbDynamic === true && !isRestricted,
    ...(areas > 1 && { areas }),
  };
  // A confidential guest has them for all devices, whatever they ask for: pci_swiotlb_detect(), arch/x86/kernel/pci-dma.c;
  // arch_mm_preinit(), arch/arm64/mm/init.c; dma_atomic_pool_init(), kernel/dma/pool.c.
  const hasBootPools = options.platform.confidential && options.hasBootPools !== false;
  const workload = { name, requests: options.requests };
  const setting = {
    ...options,
    workload,
    ...((hasBootPools || apis.includes('dma_map')) && { swiotlb }),
    ...(hasBootPools && { atomicPools: true as const }),
    ...pageSourceFor(options),
  };
  const pool = poolFor(setting, options.policy);
  const run = new RunProjections(pool.header);
  const timeline = new Timeline(run.idle);
  const bounded = measuredBlocks(pool.header, endOf(requests));
  const { metrics: ids, hasDetails = true } = options;
  const metrics = metricsOfRun(pool.header, {
    run,
    ...(ids && { ids }),
    ...(hasDetails && { reads: ['splits', 'idle'] }),
    others: [...(hasDetails ? [timeline] : []), bounded],
  });
  const toWrite: EventBatch[] = [];
  // The splits by owner keep the batch of the last request.
  if (log === undefined && !hasDetails) pool.lendBatches((batch) => metrics.observe(batch));
  else {
    pool.batches$.subscribe((batch) => {
      metrics.observe(batch);
      if (log !== undefined) toWrite.push(batch);
    });
  }
  const writer = log === undefined ? undefined : await openLogWriter(log.path, log.format, pool.header);
  try {
    for (let from = 0; from < requests.length; from += CHUNK) {
      signal?.throwIfAborted();
      const to = Math.min(requests.length, from + CHUNK);
      serve(pool, options.workload, from, to);
      await drain(writer, toWrite);
      options.onProgress?.(to);
      await setImmediate();
    }
    inTime(() => pool.complete());
    expectBuiltins();
    await drain(writer, toWrite);
    const stateHash = pool.hash();
    const { counters } = pool;
    await writer?.finish(stateHash);
    return {
      header: pool.header,
      events: counters.events,
      stateHash,
      metrics: metrics.values(counters),
      atBoot: metrics.atBoot(),
      bounded: bounded.result(),
      byOwner: run.splits.figures(),
      timeline: timeline.points(),
    };
  } catch (error) {
    // The log of a run that was stopped, or that did not fit on the disk, stays to be recovered.
    if (signal?.aborted === true) {
      pool.flush();
      await drain(writer, toWrite);
    }
    if (signal?.aborted === true || error instanceof UnwrittenError) await writer?.close();
    else await writer?.abort();
    throw error;
  }
}

/** With lists for each CPU that a request names, unless the memory state says how many CPUs there are. */
function pageSourceFor({ pageSource, memory, workload }: RunOptions): Pick<RunOptions, 'pageSource'> {
  if (pageSource?.perCpuLists !== true || memory.exact !== undefined) return {};
  const cpus = knownCpus(workload.requests);
  return cpus === 1 ? {} : { pageSource: { ...pageSource, cpus } };
}

/** CPUs up to the highest that a request names. */
const knownCpus = (requests: RequestSequence): number =>
  requests.cpus ?? cpusOf(requests.slice(0, requests.length));

function serve(pool: Pool, workload: RunOptions['workload'], from: number, to: number): void {
  let number = from;
  try {
    eachInTime(workload.requests.slice(from, to), (request) => {
      number++;
      pool.request(request);
    });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`workload '${workload.name}', request ${number}: ${error.message}`);
  }
}

async function drain(writer: LogWriter | undefined, batches: EventBatch[]): Promise<void> {
  for (const batch of batches.splice(0)) await writer?.write(batch);
}
