import { TYPE } from '@decpool/model';
import { cacheFlushes, DIRECTIONS, eventSet } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** Pages that conversions flush from the CPU caches, a cache line at a time: cpa_flush(), arch/x86/mm/pat/set_memory.c. */
export const cacheFlushMetrics = metricFamily({
  group: 'Cache flushes',
  metrics: {
    'pages-cache-flushed': {
      isBootApart: true,
      label: 'pages flushed from the cache',
      unit: 'pages',
      formula: 'tdx: pages that become shared, failed attempts included; 0 elsewhere',
    },
  },
  measure: ({ platform }) => {
    let flushed = 0;
    return {
      sees: eventSet('pages-decrypted', 'conversion-failed'),
      observe(batch, row) {
        const type = batch.typeAt(row);
        if (type === TYPE.pagesDecrypted) flushed += cacheFlushes(platform, 'decrypt', batch.pagesAt(row));
        else if (type === TYPE.conversionFailed)
          flushed += cacheFlushes(platform, DIRECTIONS[batch.codeAt(row) & 1], batch.pagesAt(row));
      },
      values: () => ({ 'pages-cache-flushed': flushed }),
    };
  },
});
