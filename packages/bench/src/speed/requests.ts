import { type MemoryState, platformNamed } from '@decpool/model';
import { freshBoot, policyNamed } from '@decpool/pool';
import { type RunResult, runPolicy } from '../compare/run.ts';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { churn } from '../workloads/churn.ts';
import { packRequests, RequestColumns } from '../workloads/request-columns.ts';
import type { Workload } from '../workloads/workload.ts';

export const SMALL_GIB = 4;
/** A guest of 4 GiB. */
export const SPEED_PAGES = 2 ** 20;

/** Requests of a comparison, as its threads have them. */
export interface SpeedWorkload {
  readonly name: string;
  readonly requests: RequestColumns;
}

/** Requests that keep half of the guest's pages allocated. */
export function speedWorkload(count: number): SpeedWorkload {
  return packed(churn.generate({ requests: count, livePages: SPEED_PAGES / 2, seed: 3 }));
}

export const packed = ({ name, requests }: Workload): SpeedWorkload => ({
  name,
  requests: new RequestColumns(packRequests(requests)),
});

/** What it starts from. */
export const speedMemory = (gib = SMALL_GIB): MemoryState => freshBoot(gib * 2 ** 30);

/** What all timed runs have: the metrics of the default comparison. */
export const SETTING = {
  platform: platformNamed('snp'),
  seed: 1,
  requests: '',
  metrics: KEY_METRICS,
  hasDetails: false,
  hasBootPools: false,
} as const;

export interface TimedRun {
  readonly result: RunResult;
  /** Seconds that passed. */
  readonly seconds: number;
  /** Seconds of all its threads on a CPU: other programs hardly change them. */
  readonly cpuSeconds: number;
}

/** One whole run of a comparison, without a log: decide, fold, metrics, state hash. */
export async function timedRun(
  policy: string,
  workload: SpeedWorkload,
  memory = speedMemory(),
): Promise<TimedRun> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = await runPolicy({ ...SETTING, workload, memory, policy: policyNamed(policy) });
  const seconds = (performance.now() - start) / 1000;
  return { result, seconds, cpuSeconds: cpuSecondsSince(cpu) };
}

export function cpuSecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}
