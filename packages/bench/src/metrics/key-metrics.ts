import type { MetricId } from './metric.ts';

/**
 * The ten rows that a comparison shows, in their order: was every request served; what is broken up in the guest and on the host;
 * what conversions cost; what is exposed without use; how near to the optimum; what is not given back.
 * The tenth is memory kept, not pages returned: a policy that returns and claims the same block all the time returns the most.
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
