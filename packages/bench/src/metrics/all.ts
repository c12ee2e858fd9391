import { type Counters, type EventBatch, InputError, type LogHeader } from '@decpool/model';
import { blockMetrics } from './blocks.ts';
import { bounceBufferMetrics } from './bounce-buffers.ts';
import { contextMetrics } from './context.ts';
import { conversionMetrics } from './conversions.ts';
import { DECISIONS, decisionMetrics } from './decisions.ts';
import { directMapMetrics } from './direct-map.ts';
import { exposureMetrics } from './exposure.ts';
import { failureMetrics } from './failures.ts';
import { fragmentationMetrics } from './fragmentation.ts';
import { JOHNSTONE_WILSON_4, johnstoneWilsonMetrics } from './johnstone-wilson.ts';
import { leakMetrics } from './leaks.ts';
import { LLFREE_SCORES, llfreeScoreMetrics } from './llfree-score.ts';
import type { Metric, MetricFamily, MetricValue, Projection } from './metric.ts';
import { pageSourceMetrics } from './page-source.ts';
import { slabMetrics } from './slabs.ts';

/** Every family, in the order in which reports show them. */
const FAMILIES: readonly MetricFamily[] = [
  directMapMetrics,
  blockMetrics,
  conversionMetrics,
  exposureMetrics,
  fragmentationMetrics,
  slabMetrics,
  bounceBufferMetrics,
  contextMetrics,
  pageSourceMetrics,
  failureMetrics,
  leakMetrics,
  decisionMetrics,
  llfreeScoreMetrics,
  johnstoneWilsonMetrics,
];

/** All metrics of one run as one projection: subscribe observe() to `batches$`, then ask for the values. */
export function allMetrics(header: LogHeader): Projection {
  const projections = FAMILIES.map((family) => family(header));
  return {
    observe(batch: EventBatch): void {
      for (const projection of projections) projection.observe(batch);
    },
    values: (counters: Counters): MetricValue[] =>
      projections.flatMap((projection) => projection.values(counters)),
  };
}

/** What a table has only where it is asked for. */
const ON_REQUEST: readonly Metric[] = [...DECISIONS, ...LLFREE_SCORES, JOHNSTONE_WILSON_4];

/**
 * The ids of metrics that a table is to have beside the usual ones: some of those on request, separated by commas, or
 * `all` of them. Throws InputError that lists them when one is none of these.
 */
export function requestedMetrics(list: string): string[] {
  const known = ON_REQUEST.map(({ id }) => id);
  if (list === 'all') return known;
  return list.split(',').map((name) => {
    const id = name.trim();
    if (known.includes(id)) return id;
    throw new InputError(`--metrics names '${id}'; on request there are ${known.join(', ')}, or all`);
  });
}
