/** Runs one cell, in a thread of its own. */
import { InputError } from '@decpool/model';
import { runPolicy } from '../compare/run.ts';
import { shown } from '../files/source-place.ts';
import { byMetric, type MetricId, ratioMetrics } from '../metrics/metric.ts';
import { changedBuiltins } from '../policies/builtins.ts';
import { policyFor } from '../policies/load.ts';
import { RequestColumns } from '../workloads/request-columns.ts';
import { type PackedState, unpackState } from './packed-state.ts';
import type { Cell, SweepPolicy } from './plan.ts';

export type CellOutcome =
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

/** A cell as it is sent to a thread. */
export type CellTask = Pick<Cell, 'input' | 'platform' | 'policy' | 'seed' | 'settings'> & {
  readonly memory: PackedState;
};

/** Throws what is a defect; somebody's mistake is an outcome. */
export async function runCell(task: CellTask): Promise<TimedOutcome> {
  const begun = performance.now();
  const outcome = await outcomeOf(task);
  return { outcome, seconds: (performance.now() - begun) / 1000 };
}

export default runCell;

async function outcomeOf({
  input,
  memory,
  platform,
  policy,
  seed,
  settings,
}: CellTask): Promise<CellOutcome> {
  try {
    const { events, stateHash, metrics, bounded } = await runPolicy({
      ...settings,
      workload: { name: input.facts.name, requests: new RequestColumns(input.requests) },
      memory: unpackState(memory),
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
    // It may be what the error comes from.
    const changed = changedBuiltins();
    if (changed !== undefined) return { refused: changed };
    if (error instanceof InputError) return { refused: asGiven(error.message, policy) };
    throw error;
  }
}

/** A result names a policy file as the definition does: it lies elsewhere on each machine. */
const asGiven = (message: string, { source, given }: SweepPolicy): string =>
  message
    .split(source)
    .map((part) => part.replaceAll(shown(source), given))
    .join(given);
