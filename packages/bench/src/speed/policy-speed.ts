/** How fast a whole run is under every bundled policy, beside the plain one. */
import { spreadOf } from '../compare/spread.ts';
import { PLAIN_POLICY, speedPolicies } from './policies.ts';
import { speedWorkload, timedRun } from './requests.ts';
import { grouped, speedTable, times } from './table.ts';

const REQUESTS = 500_000;
const REPETITIONS = 3;

/** Each run has one of the plain policy before it. Medians: of CPU time, of the ratio, and of the rate in time that passed. */
export async function policyTable(): Promise<string> {
  const workload = speedWorkload(REQUESTS);
  const median = (values: readonly number[]) => spreadOf(values).median;
  const rows: string[][] = [];
  for (const policy of speedPolicies()) {
    // Compiled code is timed, as in any long comparison.
    await timedRun(policy, workload);
    const runs: { readonly seconds: number; readonly cpuSeconds: number; readonly speed: number }[] = [];
    for (let i = 0; i < REPETITIONS; i++) {
      const plain = await timedRun(PLAIN_POLICY, workload);
      const { seconds, cpuSeconds } = await timedRun(policy, workload);
      runs.push({ seconds, cpuSeconds, speed: plain.cpuSeconds / cpuSeconds });
    }
    rows.push([
      policy,
      ((median(runs.map(({ cpuSeconds }) => cpuSeconds)) / REQUESTS) * 1e9).toFixed(0),
      grouped(REQUESTS / median(runs.map(({ seconds }) => seconds))),
      times(median(runs.map(({ speed }) => speed))),
    ]);
  }
  return speedTable(
    [`${grouped(REQUESTS)} requests, 4 GiB guest`, 'CPU ns each', 'requests/s', 'speed vs plain'],
    rows,
  );
}
