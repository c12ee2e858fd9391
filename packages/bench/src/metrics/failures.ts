import { type FailureReason, TYPE } from '@decpool/model';
import { eventSet, FAILURE_REASONS } from '@decpool/model/internal';
import { type MetricDefinition, metricFamily } from './family.ts';

type ReasonId = `failures-${FailureReason}`;

/** A value for each reason, by the metric's id. */
const byReason = <Value>(of: (reason: FailureReason, code: number) => Value) =>
  Object.fromEntries(
    FAILURE_REASONS.map((reason, code) => [`failures-${reason}`, of(reason, code)]),
  ) as Record<ReasonId, Value>;

/** Requests that were refused, by reason. */
export const failureMetrics = metricFamily({
  group: 'Failed requests',
  metrics: {
    failures: {
      label: 'failed requests',
      formula: 'events allocation-failed',
    },
    ...byReason(
      (reason): MetricDefinition => ({
        label: `failed: ${reason}`,
        formula: `events allocation-failed with reason ${reason}`,
        isQuiet: true,
      }),
    ),
  },
  measure: () => {
    const counts = new Array<number>(FAILURE_REASONS.length).fill(0);
    return {
      sees: eventSet('allocation-failed'),
      observe(batch, row) {
        if (batch.typeAt(row) === TYPE.allocationFailed) counts[batch.codeAt(row)]++;
      },
      values: (counters) => ({ failures: counters.failedRequests, ...byReason((_, code) => counts[code]) }),
    };
  },
});
