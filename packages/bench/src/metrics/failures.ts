import { type EventBatch, FAILURE_REASONS, TYPE } from '@decpool/model';
import type { MetricFamily } from './metric.ts';

/** Requests that were refused, by reason. */
export const failureMetrics: MetricFamily = () => {
  const byReason = new Array<number>(FAILURE_REASONS.length).fill(0);
  return {
    observe(batch: EventBatch) {
      for (let row = 0; row < batch.length; row++) {
        if (batch.typeAt(row) === TYPE.allocationFailed) byReason[batch.codeAt(row)]++;
      }
    },
    values: (counters) => [
      {
        id: 'failures',
        label: 'failed requests',
        unit: 'count',
        better: 'lower',
        formula: 'events allocation-failed',
        value: counters.failedRequests,
      },
      ...FAILURE_REASONS.map((reason, code) => ({
        id: `failures-${reason}`,
        label: `failed: ${reason}`,
        unit: 'count' as const,
        better: 'lower' as const,
        formula: `events allocation-failed with reason ${reason}`,
        value: byReason[code],
      })),
    ],
  };
};
