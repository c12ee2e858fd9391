import { type MemoryState, platformNamed, spanOf, x86Geometry } from '@decpool/model';
import { policyNamed } from '@decpool/pool';
import { lowerBounds } from '../bounds/lower.ts';
import { runPolicy } from '../compare/run.ts';
import type { KnownAnswer } from '../workloads/known-answer.ts';
import { requestsHash } from '../workloads/requests-hash.ts';
import type { Workload } from '../workloads/workload.ts';
import { fragCurve } from './frag-curve.ts';

export interface MeasuredAnswer {
  readonly workload: string;
  readonly answer: KnownAnswer;
  /** In the unit of the answer. */
  readonly measured: number;
  /** Only of an `llfree-score`: the scores by round. */
  readonly curve?: readonly number[];
}

/** Two computations of the same figure may round differently. */
const ROUNDING = 1e-9;

export const isOff = ({ answer: { expected, tolerance }, measured }: MeasuredAnswer): boolean =>
  !(Math.abs(measured - expected) <= tolerance + ROUNDING * expected);

/** Runs the policy of a known answer, on snp and with placement seed 1, and takes the figure. */
export async function measureAnswer(
  workload: Workload,
  memory: MemoryState,
  answer: KnownAnswer,
): Promise<MeasuredAnswer> {
  const known = { workload: workload.name, answer };
  if (answer.figure === 'llfree-score') {
    const curve = fragCurve(workload, memory, answer.policy);
    return { ...known, measured: curve[curve.length - 1], curve };
  }
  const { bounded } = await runPolicy({
    workload,
    memory,
    platform: platformNamed('snp'),
    policy: policyNamed(answer.policy),
    seed: 1,
    // The answers are about the pool's memory alone.
    hasBootPools: false,
    requests: requestsHash(workload),
  });
  const lower = lowerBounds(workload.requests, x86Geometry(spanOf(memory)).pagesPerBlock);
  const measured =
    answer.figure === 'blocks'
      ? bounded.blocksPeak / lower.blocksPeak
      : Number(bounded.blockNs) / Number(lower.blockNs);
  return { ...known, measured };
}
