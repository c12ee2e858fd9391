/**
 * A comparison: every policy over the same requests, from the same memory state, once per placement seed.
 */
import {
  type Faults,
  type Geometry,
  type MemoryState,
  type Platform,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import { policyNamed } from '@decpool/pool';
import { LOG_FORMATS, type LogFormat } from '../log/format.ts';
import type { OwnerFigures } from '../metrics/by-owner.ts';
import { lowerBoundOnBlocks } from '../metrics/lower-bound.ts';
import type { Metric } from '../metrics/metric.ts';
import type { TimelinePoint } from '../metrics/timeline.ts';
import type { SanityReport } from '../traces/sanity.ts';
import type { Workload } from '../workloads/workload.ts';
import { type RunResult, type RunSettings, requestsHash, runPolicy } from './run.ts';
import { type Spread, spreadOf } from './spread.ts';

export interface ComparisonInput extends RunSettings {
  /** Name for folders and headings: `k61-E7cc`. */
  readonly name: string;
  readonly workload: Workload;
  /** What became of the lines of the trace that the workload was read from. */
  readonly sanity?: SanityReport;
  readonly memory: MemoryState;
  readonly platform: Platform;
  /** The first one is the baseline. */
  readonly policies: readonly string[];
  /** Placement seeds; the first run's event log is written. The fault seed counts up with them. */
  readonly seeds: readonly number[];
  /** What a reader must know beside the workload's own notes. */
  readonly notes: readonly string[];
}

/** One metric of one policy over all seeds. */
export interface ComparedMetric {
  readonly metric: Metric;
  readonly spread: Spread;
}

export interface ComparedPolicy {
  readonly policy: string;
  /** Events and state hash of each seed's run, in the order of the seeds. */
  readonly runs: readonly { readonly seed: number; readonly events: number; readonly stateHash: string }[];
  readonly metrics: readonly ComparedMetric[];
  /** Of the first seed's run: who caused splits and leaks, and how the reserve went over time. */
  readonly byOwner: readonly OwnerFigures[];
  readonly timeline: readonly TimelinePoint[];
}

export interface Comparison {
  readonly input: ComparisonInput;
  readonly geometry: Geometry;
  /** SHA-256 of the requests. */
  readonly requests: string;
  /** Shared blocks at peak that no policy can be below; 0 outside a confidential VM. */
  readonly lowerBoundBlocks: number;
  readonly policies: readonly ComparedPolicy[];
}

export interface CompareOptions {
  /** Folder for the event logs, one per policy; none unless told. */
  readonly logs?: { readonly folder: string; readonly format: LogFormat };
  /** Called now and then with the requests decided so far, over all runs. */
  readonly onProgress?: (requests: number) => void;
}

/** File name of a policy's event log. */
export const logFileOf = (policy: string, format: LogFormat): string => `${policy}${LOG_FORMATS[format]}`;

/**
 * The faults of one run: their seed counts up with the placement seed (modulo 2^32), so that a cell's range shows what
 * chance does. The runs of all policies from one placement seed have the same fault seed.
 */
const faultsOfRun = (faults: Faults, run: number): Faults => ({ ...faults, seed: (faults.seed + run) >>> 0 });

/** Throws InputError for an unknown policy, before anything runs. */
export async function compare(input: ComparisonInput, options: CompareOptions = {}): Promise<Comparison> {
  const factories = input.policies.map((name) => ({ name, factory: policyNamed(name) }));
  const geometry = x86Geometry(spanOf(input.memory));
  const requests = requestsHash(input.workload);
  const policies: ComparedPolicy[] = [];
  let done = 0;
  for (const { name, factory } of factories) {
    const results: RunResult[] = [];
    for (const [index, seed] of input.seeds.entries()) {
      const log =
        options.logs !== undefined && index === 0
          ? {
              log: {
                path: `${options.logs.folder}/${logFileOf(name, options.logs.format)}`,
                format: options.logs.format,
              },
            }
          : {};
      results.push(
        await runPolicy({
          ...input,
          policy: factory,
          seed,
          ...(input.faults === undefined ? {} : { faults: faultsOfRun(input.faults, index) }),
          requests,
          ...log,
          onProgress: (served) => options.onProgress?.(done + served),
        }),
      );
      done += input.workload.requests.length;
    }
    policies.push({
      policy: name,
      runs: results.map(({ header, events, stateHash }) => ({ seed: header.seed, events, stateHash })),
      metrics: results[0].metrics.map(({ value: _, ...metric }, index) => ({
        metric,
        spread: spreadOf(results.map((result) => result.metrics[index].value)),
      })),
      byOwner: results[0].byOwner,
      timeline: results[0].timeline,
    });
  }
  return {
    input,
    geometry,
    requests,
    // Where nothing is ever shared, no block need be.
    lowerBoundBlocks: input.platform.confidential
      ? lowerBoundOnBlocks(input.workload.requests, geometry.pagesPerBlock)
      : 0,
    policies,
  };
}
