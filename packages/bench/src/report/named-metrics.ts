import type { Metric, MetricId } from '../metrics/metric.ts';

/** The metrics with these ids, in their order; those that a comparison does not have are left out. */
export const namedMetrics = (metrics: readonly Metric[], ids: readonly MetricId[]): Metric[] =>
  ids.flatMap((wanted) => metrics.find(({ id }) => id === wanted) ?? []);
