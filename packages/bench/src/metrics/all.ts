import type { Counters, EventBatch, LogHeader } from '@decpool/model';
import { blockMetrics } from './blocks.ts';
import { bounceBufferMetrics } from './bounce-buffers.ts';
import { contextMetrics } from './context.ts';
import { conversionMetrics } from './conversions.ts';
import { decisionMetrics } from './decisions.ts';
import { directMapMetrics } from './direct-map.ts';
import { exposureMetrics } from './exposure.ts';
import { failureMetrics } from './failures.ts';
import { fragmentationMetrics } from './fragmentation.ts';
import { johnstoneWilsonMetrics } from './johnstone-wilson.ts';
import { keptUnusedMetrics } from './kept-unused.ts';
import { leakMetrics } from './leaks.ts';
import { llfreeScoreMetrics } from './llfree-score.ts';
import type { MetricFamily, MetricValue, Projection } from './metric.ts';
import { pageSourceMetrics } from './page-source.ts';
import { slabMetrics } from './slabs.ts';
import { waitMetrics } from './waits.ts';

/** Every family, in the order in which reports show them. */
const FAMILIES: readonly MetricFamily[] = [
  directMapMetrics,
  blockMetrics,
  conversionMetrics,
  waitMetrics,
  exposureMetrics,
  fragmentationMetrics,
  slabMetrics,
  bounceBufferMetrics,
  contextMetrics,
  pageSourceMetrics,
  keptUnusedMetrics,
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
