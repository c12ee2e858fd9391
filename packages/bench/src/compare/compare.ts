/** A comparison: every policy over the same requests, from the same memory state, once per placement seed. */

import type { OwnerFigures } from '@decpool/model';
import { type Geometry, type MemoryState, type Platform, spanOf, x86Geometry } from '@decpool/model';
import { type Bounds, boundsOf, type RequestBounds, requestBounds } from '../bounds/bounds.ts';
import { isServable, type LowerBounds } from '../bounds/lower.ts';
import { inTurns, type Steps } from '../bounds/steps.ts';
import { type WorstCase, worstCaseOf } from '../bounds/worst-case.ts';
import { LOG_FORMATS, type LogFormat } from '../log/format.ts';
import { type Metric, type MetricId, type MetricValue, ratioMetrics } from '../metrics/metric.ts';
import type { TimelinePoint } from '../metrics/timeline.ts';
import { fileNameOf, policiesFor } from '../policies/load.ts';
import type { RecordedKernel } from '../traces/recording/recorded-kernel.ts';
import type { SanityReport } from '../traces/sanity.ts';
import type { Requests } from '../workloads/requests.ts';
import { requestsHash } from '../workloads/requests-hash.ts';
import type { Workload } from '../workloads/workload.ts';
import { Board } from './board.ts';
import { type RunFigures, type Runs, runLane } from './lane.ts';
import type { RunSettings } from './run.ts';
import { type Spread, spreadOf } from './spread.ts';
import type { Threads } from './threads.ts';

export interface ComparisonInput extends RunSettings {
  /** Name for folders and headings: `k61-E7cc`. */
  readonly name: string;
  readonly workload: Workload<Requests>;
  /** The counts of lines of the trace that the workload was read from. */
  readonly sanity?: SanityReport;
  readonly memory: MemoryState;
  readonly platform: Platform;
  /** Names, or files that export one. The first is the baseline. */
  readonly policies: readonly string[];
  /** Placement seeds; the first run's event log is written. The fault seed counts up with them. */
  readonly seeds: readonly number[];
  /** Notes that change how the figures must be read. */
  readonly cautions?: readonly string[];
  /** Other notes, ahead of the workload's own. */
  readonly notes: readonly string[];
  /** Metric ids: the rows of the short tables, in order. Default: KEY_METRICS. */
  readonly rows?: readonly MetricId[];
  /** What the recorded kernel counted meanwhile. No run depends on it. */
  readonly recorded?: RecordedKernel;
  /** Whether to show which policies no other dominates. */
  readonly isParetoWanted?: boolean;
  /** Whether the bounds have an offline packing even for more than 20,000 page requests, which takes minutes. */
  readonly isPackingWanted?: boolean;
}

/** One metric of one policy over all seeds. */
interface ComparedMetric {
  readonly metric: Metric;
  readonly spread: Spread;
}

export interface ComparedPolicy {
  readonly policy: string;
  /** Events and state hash of each seed's run, in the order of the seeds. */
  readonly runs: readonly { readonly seed: number; readonly events: number; readonly stateHash: string }[];
  /** Without the ratios to the bounds, if it refused a request that can be served. */
  readonly metrics: readonly ComparedMetric[];
  /** Splits and leaks by owner, in the first seed's run. */
  readonly byOwner: readonly OwnerFigures[];
  /** The reserve over time, in the first seed's run. */
  readonly timeline: readonly TimelinePoint[];
  /** The worst case that theory has for its placement. */
  readonly worstCase: WorstCase;
}

/** The figures of all policies on one input. resultsOf() makes a document of it. */
export interface Comparison {
  readonly input: ComparisonInput;
  readonly geometry: Geometry;
  /** SHA-256 of the requests. */
  readonly requests: string;
  /** The figures that no policy can improve on; undefined outside a confidential VM, which shares nothing. */
  readonly bounds: Bounds | undefined;
  readonly policies: readonly ComparedPolicy[];
  /**
   * What the boot pools of swiotlb and of the DMA API cost under every policy, but for atomic DMA pools that a policy replaces; it is in
   * no policy's metrics. Empty without one.
   */
  readonly atBoot: readonly ComparedMetric[];
}

/** Where logs go, and what a comparison reports while it runs. */
export interface CompareOptions {
  /** Folder for the event logs, one per policy. Default: none are written. */
  readonly logs?: { readonly folder: string; readonly format: LogFormat };
  /** That make runs beside this thread. Default: none; what comes out is the same. */
  readonly threads?: Threads;
  /** Called with the number of requests served so far, over all runs. */
  readonly onProgress?: (requests: number) => void;
  /** Ends the comparison between two requests: it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** File name of a policy's event log. */
export const logFileOf = (policy: string, format: LogFormat): string =>
  `${fileNameOf(policy)}${LOG_FORMATS[format]}`;

/** Throws InputError if a policy is unknown or cannot be loaded, before anything runs, and if a policy breaks a rule. */
export async function compare(input: ComparisonInput, options: CompareOptions = {}): Promise<Comparison> {
  const { logs } = options;
  const named = await policiesFor(input.policies);
  const geometry = x86Geometry(spanOf(input.memory));
  const requests = requestsHash(input.workload);
  const { workload, memory, platform, seeds, pageSource, faults, isSwiotlbDynamic, hasBootPools } = input;
  const runs = {
    ...{ requests, memory, platform, seeds },
    workload: { name: workload.name, requests: workload.requests },
    settings: {
      ...(pageSource && { pageSource }),
      ...(faults && { faults }),
      isSwiotlbDynamic: isSwiotlbDynamic === true,
      ...(hasBootPools === false && { hasBootPools }),
    },
    policies: named.map(({ name }, index) => ({
      source: input.policies[index],
      ...(logs && { log: `${logs.folder}/${logFileOf(name, logs.format)}` }),
    })),
    logFormat: logs?.format ?? 'arrow',
  };
  let known: RequestBounds | undefined;
  const boundRequests = async (signal: AbortSignal) => {
    if (platform.confidential) known ??= await inTurns(boundsOfRequests(input, geometry), signal);
  };
  const figures = await figuresOfAll(runs, options, boundRequests);
  const served = named.map(
    ({ name }, index): Served => ({
      policy: name,
      results: figures.slice(index * seeds.length, (index + 1) * seeds.length),
    }),
  );
  const unservable = unservableIn(input);
  const bounds = known && boundsOf(known, unrefused(unservable, served));
  return {
    ...{ input, geometry, requests, bounds },
    policies: served.map((each) => comparedPolicy(each, bounds, known?.lower, unservable)),
    atBoot: comparedMetrics(mostAtBoot(served)),
  };
}

/** The figures of all runs, by their numbers on the board. `meanwhile` is done while other threads begin. */
async function figuresOfAll(
  runs: Runs & { readonly workload: Pick<Workload<Requests>, 'name' | 'requests'> },
  { threads, signal = new AbortController().signal, onProgress }: CompareOptions,
  meanwhile: (signal: AbortSignal) => Promise<void>,
): Promise<RunFigures[]> {
  signal.throwIfAborted();
  const board = Board.of(runs.policies.length, runs.seeds.length);
  const tell = () => onProgress?.(board.served);
  const stop = () => board.stop();
  signal.addEventListener('abort', stop);
  const ticking = setInterval(tell, TELL_MS);
  const elsewhere = threads?.run(runs, board) ?? Promise.resolve([]);
  try {
    if (threads !== undefined) await meanwhile(signal);
    const here = await runLane(runs, board, signal, tell);
    const ended = [...here, ...(await elsewhere)].sort((a, b) => a.run - b.run);
    signal.throwIfAborted();
    await meanwhile(signal);
    return ended.map((each) => {
      if ('error' in each) throw each.error;
      return each.figures;
    });
  } finally {
    stop();
    await Promise.allSettled([elsewhere]);
    clearInterval(ticking);
    signal.removeEventListener('abort', stop);
  }
}

/** Between two reports of progress, while this thread waits for others. */
const TELL_MS = 200;

/** A policy with its runs, in the order of the seeds. */
interface Served {
  readonly policy: string;
  readonly results: readonly RunFigures[];
}

/** Of a policy that replaces no boot pool, if there is one: all such have the same. */
function mostAtBoot(served: readonly Served[]): readonly (readonly MetricValue[])[] {
  const converted = (runs: readonly (readonly MetricValue[])[]) =>
    runs[0].find(({ id }) => id === 'pages-converted')?.value ?? 0;
  return served
    .map(({ results }) => results.map(({ atBoot }) => atBoot))
    .reduce((most, each) => (converted(each) > converted(most) ? each : most));
}

const boundsOfRequests = (
  { workload: { requests }, platform, isPackingWanted = false }: ComparisonInput,
  { pagesPerBlock }: Geometry,
): Steps<RequestBounds> => requestBounds({ requests, platform, pagesPerBlock, isPackingWanted });

/** Requests that no policy can serve. */
function unservableIn({ workload: { requests } }: ComparisonInput): number {
  let count = 0;
  for (const request of requests) if (request.kind === 'allocate' && !isServable(request)) count++;
  return count;
}

const refusals = ({ metrics }: RunFigures): number => metrics.find(({ id }) => id === 'failures')?.value ?? 0;

/** The figures of the runs that refused nothing servable. */
const unrefused = (unservable: number, served: readonly Served[]) =>
  served.flatMap(({ policy, results }) =>
    results.filter((result) => refusals(result) === unservable).map(({ bounded }) => ({ policy, bounded })),
  );

function comparedPolicy(
  { policy, results }: Served,
  bounds: Bounds | undefined,
  lower: LowerBounds | undefined,
  unservable: number,
): ComparedPolicy {
  const [first] = results;
  // The bounds are for all requests: less work would flatter a ratio to them.
  const isBounded = results.every((result) => refusals(result) <= unservable);
  const metrics = results.map((result) => [
    ...result.metrics,
    ...(lower === undefined || !isBounded ? [] : ratioMetrics(result.bounded, lower)),
  ]);
  return {
    policy,
    runs: results.map(({ seed, events, stateHash }) => ({ seed, events, stateHash })),
    metrics: comparedMetrics(metrics),
    byOwner: first.byOwner,
    timeline: first.timeline,
    worstCase: worstCaseOf(first.policy, bounds?.lifetimes.mu),
  };
}

/** Of the runs of one policy. */
const comparedMetrics = (runs: readonly (readonly MetricValue[])[]): ComparedMetric[] =>
  runs[0].map(({ value: _, ...metric }, index) => ({
    metric,
    spread: spreadOf(runs.map((ofRun) => ofRun[index].value)),
  }));
