/** Runs one cell, in a thread of its own. */
import { InputError, type MemoryState, type Platform } from '@decpool/model';
import type { LowerBounds } from '../bounds/lower.ts';
import { type RunSettings, runPolicy } from '../compare/run.ts';
import { byMetric, type MetricId, ratioMetrics } from '../metrics/metric.ts';
import { policyFor } from '../policies/load.ts';
import { type PackedRequests, RequestColumns } from './request-columns.ts';

/** All of it can be sent to a thread; the requests are shared and not copied. */
export interface CellTask {
  readonly name: string;
  readonly requests: PackedRequests;
  readonly requestsHash: string;
  readonly lowerBounds: LowerBounds;
  readonly memory: MemoryState;
  readonly platform: Platform;
  /** A name, or the path of a file: each thread loads it for itself. */
  readonly policy: string;
  readonly seed: number;
  readonly settings: RunSettings;
}

type CellOutcome =
  | {
      readonly events: number;
      readonly stateHash: string;
      readonly metrics: Readonly<Record<MetricId, number>>;
    }
  | { readonly refused: string };

export interface TimedOutcome {
  readonly outcome: CellOutcome;
  /** Wall-clock seconds, for the progress; no result has them. */
  readonly seconds: number;
}

/** Throws what is a defect; somebody's mistake is an outcome. */
export async function runCell(task: CellTask): Promise<TimedOutcome> {
  const begun = performance.now();
  const outcome = await outcomeOf(task);
  return { outcome, seconds: (performance.now() - begun) / 1000 };
}

async function outcomeOf(task: CellTask): Promise<CellOutcome> {
  const { name, requests, requestsHash, lowerBounds, memory, platform, policy, seed, settings } = task;
  try {
    const { events, stateHash, metrics, bounded } = await runPolicy({
      ...settings,
      workload: { name, requests: new RequestColumns(requests) },
      memory,
      platform,
      policy: await policyFor(policy),
      seed,
      requests: requestsHash,
    });
    // Outside a confidential VM nothing is shared, and nothing bounded.
    const ratios = platform.confidential ? ratioMetrics(bounded, lowerBounds) : [];
    const values = [...metrics, ...ratios].map(({ id, value }) => [id, value] as const);
    return { events, stateHash, metrics: byMetric(values) };
  } catch (error) {
    if (error instanceof InputError) return { refused: error.message };
    throw error;
  }
}
