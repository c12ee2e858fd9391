import { blockMetrics } from './blocks.ts';
import { bounceBufferMetrics } from './bounce-buffers.ts';
import { cacheFlushMetrics } from './cache-flushes.ts';
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
import { pageAcceptMetrics } from './page-accepts.ts';
import { pageSourceMetrics } from './page-source.ts';
import { slabMetrics } from './slabs.ts';
import { waitMetrics } from './waits.ts';
import { zeroingMetrics } from './zeroing.ts';

/** Every family, in the order in which reports show them. */
export const FAMILIES = [
  directMapMetrics,
  blockMetrics,
  conversionMetrics,
  pageAcceptMetrics,
  cacheFlushMetrics,
  zeroingMetrics,
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
] as const;
