import { platformNamed } from '@decpool/model';
import { freshBoot, policyNamed } from '@decpool/pool';
import { runPolicy } from '../compare/run.ts';
import { churn } from '../workloads/churn.ts';
import { PAGE_SIZE, type Workload } from '../workloads/workload.ts';

export interface RequestSpeed {
  readonly policy: string;
  readonly requests: number;
  readonly requestsPerSecond: number;
}

/** A guest of 4 GiB. */
export const SPEED_PAGES = 2 ** 20;

/** Two million requests, or as many as told, that keep half of the guest's pages allocated. */
export const speedWorkload = (requests = 2_000_000): Workload =>
  churn.generate({ requests, livePages: SPEED_PAGES / 2, seed: 3 });

/** Requests/s of one whole run of a comparison: decide, fold, metrics; no log. */
export async function requestSpeed(policy: string, workload: Workload): Promise<RequestSpeed> {
  const memory = freshBoot(SPEED_PAGES * PAGE_SIZE);
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
