/** A comparison: every policy over the same requests, from the same memory state, once per placement seed. */
import {
  type Faults,
  type Geometry,
  type MemoryState,
  type OwnerFigures,
  type Platform,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import { type Bounds, type BoundsOfTrace, boundsOf } from '../bounds/bounds.ts';
import { isServable } from '../bounds/lower.ts';
import { type WorstCase, worstCaseOf } from '../bounds/worst-case.ts';
import { LOG_FORMATS, type LogFormat } from '../log/format.ts';
import { type Metric, type MetricId, type MetricValue, ratioMetrics } from '../metrics/metric.ts';
import type { TimelinePoint } from '../metrics/timeline.ts';
import { fileNameOf, policiesFor } from '../policies/load.ts';
import type { SanityReport } from '../traces/sanity.ts';
import { requestsHash } from '../workloads/requests-hash.ts';
import type { Workload } from '../workloads/workload.ts';
import { type RunResult, type RunSettings, runPolicy } from './run.ts';
import { type Spread, spreadOf } from './spread.ts';

export interface ComparisonInput extends RunSettings {
  /** Name for folders and headings: `k61-E7cc`. */
  readonly name: string;
  readonly workload: Workload;
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
  readonly metrics: readonly ComparedMetric[];
  /** Splits and leaks by owner, in the first seed's run. */
  readonly byOwner: readonly OwnerFigures[];
  /** The reserve over time, in the first seed's run. */
  readonly timeline: readonly TimelinePoint[];
  /** The worst case that theory has for its placement. */
  readonly worstCase: WorstCase;
}

export interface Comparison {
  readonly input: ComparisonInput;
  readonly geometry: Geometry;
  /** SHA-256 of the requests. */
  readonly requests: string;
  /** The figures that no policy can improve on; undefined outside a confidential VM, which shares nothing. */
  readonly bounds: Bounds | undefined;
  readonly policies: readonly ComparedPolicy[];
  /** What the boot pool of swiotlb costs under every policy; it is in no policy's metrics. Empty without one. */
  readonly atBoot: readonly ComparedMetric[];
}

export interface CompareOptions {
  /** Folder for the event logs, one per policy. Default: none are written. */
  readonly logs?: { readonly folder: string; readonly format: LogFormat };
  /** Called with the number of requests served so far, over all runs. */
  readonly onProgress?: (requests: number) => void;
  /** Ends the comparison between two requests: it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** File name of a policy's event log. */
export const logFileOf = (policy: string, format: LogFormat): string =>
  `${fileNameOf(policy)}${LOG_FORMATS[format]}`;

/** The fault seed counts up with the placement seed (modulo 2^32), so that the range over the seeds includes chance. */
export const faultsOfRun = (faults: Faults, run: number): Faults => ({
  ...faults,
  seed: (faults.seed + run) >>> 0,
});

/** Throws InputError if a policy is unknown or cannot be loaded, before anything runs, and if a policy breaks a rule. */
export async function compare(
  input: ComparisonInput,
  { logs, signal, onProgress }: CompareOptions = {},
): Promise<Comparison> {
  const factories = await policiesFor(input.policies);
  const geometry = x86Geometry(spanOf(input.memory));
  const requests = requestsHash(input.workload);
  const served: Served[] = [];
  let done = 0;
  for (const { name, factory } of factories) {
    const results: RunResult[] = [];
    for (const [index, seed] of input.seeds.entries()) {
      results.push(
        await runPolicy({
          ...input,
          policy: factory,
          seed,
          ...(input.faults === undefined ? {} : { faults: faultsOfRun(input.faults, index) }),
          requests,
          ...(logs === undefined || index > 0
            ? {}
            : { log: { path: `${logs.folder}/${logFileOf(name, logs.format)}`, format: logs.format } }),
          ...(signal === undefined ? {} : { signal }),
          onProgress: (served) => onProgress?.(done + served),
        }),
      );
      done += input.workload.requests.length;
    }
    served.push({ policy: name, results });
  }
  const known = input.platform.confidential ? boundsOfRuns(input, geometry, served) : undefined;
  return {
    input,
    geometry,
    requests,
    bounds: known?.bounds,
    policies: served.map((each) => comparedPolicy(each, known)),
    atBoot: comparedMetrics(served[0].results.map(({ atBoot }) => atBoot)),
  };
}

/** A policy with its runs, in the order of the seeds. */
interface Served {
  readonly policy: string;
  readonly results: readonly RunResult[];
}

function boundsOfRuns(
  { workload: { requests }, platform, isPackingWanted = false }: ComparisonInput,
  { pagesPerBlock }: Geometry,
  served: readonly Served[],
): BoundsOfTrace {
  const unservable = requests.filter((request) => request.kind === 'allocate' && !isServable(request)).length;
  const refusals = ({ metrics }: RunResult) => metrics.find(({ id }) => id === 'failures')?.value ?? 0;
  const runs = served.flatMap(({ policy, results }) =>
    results.filter((result) => refusals(result) === unservable).map(({ bounded }) => ({ policy, bounded })),
  );
  return boundsOf({ requests, platform, pagesPerBlock, isPackingWanted, runs });
}

function comparedPolicy({ policy, results }: Served, known: BoundsOfTrace | undefined): ComparedPolicy {
  const [first] = results;
  const metrics = results.map((result) => [
    ...result.metrics,
    ...(known === undefined ? [] : ratioMetrics(result.bounded, known.lower)),
  ]);
  return {
    policy,
    runs: results.map(({ header, events, stateHash }) => ({ seed: header.seed, events, stateHash })),
    metrics: comparedMetrics(metrics),
    byOwner: first.byOwner,
    timeline: first.timeline,
    worstCase: worstCaseOf(first.header.policy, known?.bounds.lifetimes.mu),
  };
}

/** Of the runs of one policy. */
const comparedMetrics = (runs: readonly (readonly MetricValue[])[]): ComparedMetric[] =>
  runs[0].map(({ value: _, ...metric }, index) => ({
    metric,
    spread: spreadOf(runs.map((ofRun) => ofRun[index].value)),
  }));
