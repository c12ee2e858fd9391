import { TYPE } from '@decpool/model';
import { eventSet, gfpOf, maySleep } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** Requests whose caller may not sleep, and the reserve that is kept for them. */
export const contextMetrics = metricFamily({
  group: 'Atomic requests and the reserve',
  metrics: {
    'atomic-requests': {
      label: 'atomic requests',
      isQuiet: true,
      better: 'neutral',
      formula:
        'requests with GFP_ATOMIC or GFP_NOWAIT: if a conversion may sleep, nothing can be converted for them',
    },
    refills: {
      label: 'reserve refills',
      isQuiet: true,
      formula:
        'events reserve-refilled, and atomic-pool-grown after boot: times the deferred worker added to the reserve, or to an atomic DMA pool',
    },
    'refilled-pages': {
      label: 'pages refilled',
      isQuiet: true,
      unit: 'pages',
      formula: 'sum of the pages of all refills',
    },
  },
  measure: () => {
    let atomic = 0;
    let refilledPages = 0;
    let grown = 0;
    return {
      sees: eventSet('allocation-requested', 'reserve-refilled', 'atomic-pool-grown'),
      observe(batch, row) {
        const type = batch.typeAt(row);
        // A request's attributes are in the column of page frames.
        if (type === TYPE.allocationRequested && !maySleep(gfpOf(batch.pfnAt(row)))) atomic++;
        else if (type === TYPE.reserveRefilled) refilledPages += batch.pagesAt(row);
        else if (type === TYPE.atomicPoolGrown && batch.requestAt(row) !== 0) {
          grown++;
          refilledPages += batch.pagesAt(row);
        }
      },
      values: (counters) => ({
        'atomic-requests': atomic,
        refills: counters.refills + grown,
        'refilled-pages': refilledPages,
      }),
    };
  },
});
