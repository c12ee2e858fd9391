import { PAGE_SIZE, platformNamed } from '@decpool/model';
import { freshBoot, policyNamed } from '@decpool/pool';
import { runPolicy } from '../compare/run.ts';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { churn } from '../workloads/churn.ts';
import type { Workload } from '../workloads/workload.ts';

/** A guest of 4 GiB. */
export const SPEED_PAGES = 2 ** 20;

/** Requests that keep half of the guest's pages allocated. */
export const speedWorkload = (requests: number): Workload =>
  churn.generate({ requests, livePages: SPEED_PAGES / 2, seed: 3 });

/** What one whole run of a comparison takes, without a log: decide, fold, metrics. */
export async function secondsOfRun(policy: string, workload: Workload): Promise<number> {
  const memory = freshBoot(SPEED_PAGES * PAGE_SIZE);
  const start = performance.now();
  await runPolicy({
    workload,
    memory,
    platform: platformNamed('snp'),
    policy: policyNamed(policy),
    seed: 1,
    requests: '',
    metrics: KEY_METRICS,
    hasDetails: false,
  });
  return (performance.now() - start) / 1000;
}
