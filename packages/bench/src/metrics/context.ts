import { type EventBatch, gfpOf, maySleep, TYPE } from '@decpool/model';
import type { MetricFamily } from './metric.ts';

/** Requests whose caller may not sleep, and the reserve that is kept for them. */
export const contextMetrics: MetricFamily = () => {
  let atomic = 0;
  let refilledPages = 0;
  return {
    observe(batch: EventBatch) {
      for (let row = 0; row < batch.length; row++) {
        const type = batch.typeAt(row);
        // A request's attributes are in the column of page frames.
        if (type === TYPE.allocationRequested && !maySleep(gfpOf(batch.pfnAt(row)))) atomic++;
        else if (type === TYPE.reserveRefilled) refilledPages += batch.pagesAt(row);
      }
    },
    values: (counters) => [
      {
        id: 'atomic-requests',
        label: 'atomic requests',
        unit: 'count',
        better: 'neutral',
        formula: 'requests with GFP_ATOMIC or GFP_NOWAIT: nothing can be converted for them',
        value: atomic,
      },
      {
        id: 'refills',
        label: 'reserve refills',
        unit: 'count',
        better: 'lower',
        formula: 'events reserve-refilled: times the deferred worker added to the reserve',
        value: counters.refills,
      },
      {
        id: 'refilled-pages',
        label: 'pages refilled',
        unit: 'pages',
        better: 'lower',
        formula: 'sum of the pages of all refills',
        value: refilledPages,
      },
    ],
  };
};
