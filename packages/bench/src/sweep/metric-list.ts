import { platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { ratioMetrics } from '../bounds/bounds.ts';
import { allMetrics } from '../metrics/all.ts';
import type { Metric } from '../metrics/metric.ts';

/**
 * Every metric that a cell can have, in the order of reports: those of a run in which nothing happens, as they are the
 * same for each, and the ratios to the bounds, which not every input has.
 */
export function metricList(): Metric[] {
  const pool = new Pool({
    memory: freshBoot(64 * 2 ** 20),
    platform: platformNamed('none'),
    policy: policyNamed('linux-7.3'),
    seed: 0,
    workload: { name: 'nothing', requests: '' },
  });
  const bounded = { blocksPeak: 1, blockNs: 1n };
  return [...allMetrics(pool.header).values(pool.counters), ...ratioMetrics(bounded, bounded)].map(
    ({ value: _, ...metric }) => metric,
  );
}
