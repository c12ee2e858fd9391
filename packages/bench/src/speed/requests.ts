import { platformNamed } from '@decpool/model';
import { freshBoot, policyNamed } from '@decpool/pool';
import { runPolicy } from '../compare/run.ts';
import { churn } from '../workloads/churn.ts';
import type { Workload } from '../workloads/workload.ts';

export interface RequestSpeed {
  readonly policy: string;
  readonly requests: number;
  readonly requestsPerSecond: number;
}

const GIB = 2 ** 30;

/** Two million requests that keep half of a 4 GiB guest's pages allocated. */
export const speedWorkload = (requests = 2_000_000): Workload =>
  churn({ requests, livePages: 2 ** 19, seed: 3 });

/** Requests/s of one whole run of a comparison: decide, fold, metrics; no log. */
export async function requestSpeed(policy: string, workload: Workload): Promise<RequestSpeed> {
  const memory = freshBoot(4 * GIB);
  const start = performance.now();
  await runPolicy({
    workload,
    memory,
    platform: platformNamed('snp'),
    policy: policyNamed(policy),
    seed: 1,
    requests: '',
  });
  const seconds = (performance.now() - start) / 1000;
  return {
    policy,
    requests: workload.requests.length,
    requestsPerSecond: workload.requests.length / seconds,
  };
}
