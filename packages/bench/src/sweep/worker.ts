/** Runs one cell, in a thread of its own. */
import { InputError, type MemoryState } from '@decpool/model';
import { workerData } from 'piscina';
import { RequestColumns } from '../compare/request-columns.ts';
import { runPolicy } from '../compare/run.ts';
import { byMetric, type MetricId, ratioMetrics } from '../metrics/metric.ts';
import { policyFor } from '../policies/load.ts';
import type { Cell } from './plan.ts';

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

/** A cell as it is sent to a thread. A memory state can be large: the thread got all of them when it began, in this order. */
export type CellTask = Omit<Cell, 'memory'> & { readonly memory: number };

/** Throws what is a defect; somebody's mistake is an outcome. */
export async function runCell({ memory, ...cell }: CellTask): Promise<TimedOutcome> {
  const begun = performance.now();
  const states: readonly MemoryState[] = workerData;
  const outcome = await outcomeOf(cell, states[memory]);
  return { outcome, seconds: (performance.now() - begun) / 1000 };
}

export default runCell;

async function outcomeOf(
  { input, platform, policy, seed, settings }: Omit<Cell, 'memory'>,
  memory: MemoryState,
): Promise<CellOutcome> {
  try {
    const { events, stateHash, metrics, bounded } = await runPolicy({
      ...settings,
      workload: { name: input.facts.name, requests: new RequestColumns(input.requests) },
      memory,
      platform,
      policy: await policyFor(policy.source),
      seed,
      hasDetails: false,
      requests: input.facts.requestsHash,
    });
    // Outside a confidential VM nothing is shared, and nothing bounded.
    const ratios = platform.confidential ? ratioMetrics(bounded, input.lowerBounds) : [];
    const values = [...metrics, ...ratios].map(({ id, value }) => [id, value] as const);
    return { events, stateHash, metrics: byMetric(values) };
  } catch (error) {
    if (error instanceof InputError) return { refused: error.message };
    throw error;
  }
}
