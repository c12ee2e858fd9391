import type { MetricId } from './metric.ts';

/**
 * The rows of a comparison: requests served, splits, cost of conversions, exposure, distance from the optimum, memory kept.
 * Not pages returned: a policy that returns and claims the same block all the time returns the most.
 */
export const KEY_METRICS: readonly MetricId[] = [
  'failures',
  'splits-2m',
  'mixed-peak',
  'host-calls',
  'full-flushes',
  'pages-converted',
  'shared-idle-peak',
  'shared-idle-mean',
  'blocks-peak-ratio',
  'kept-unused',
];
