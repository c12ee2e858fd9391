import { type EventBatch, TYPE } from '@decpool/model';
import type { MetricFamily } from './metric.ts';

/** How much more than asked for was given out. */
export const fragmentationMetrics: MetricFamily = ({ geometry }) => {
  /** Of the requests that were served, over the whole run. */
  let requestedBytes = 0;
  let grantedPages = 0;
  /** Of the request being decided: an undone one gets nothing. */
  let bytes = 0;
  let pages = 0;
  const settle = () => {
    if (pages > 0) {
      requestedBytes += bytes;
      grantedPages += pages;
    }
    bytes = 0;
    pages = 0;
  };
  return {
    observe(batch: EventBatch) {
      for (let row = 0; row < batch.length; row++) {
        const type = batch.typeAt(row);
        if (type === TYPE.allocationRequested) {
          settle();
          bytes = batch.bytesAt(row);
        } else if (type === TYPE.pagesAllocated) {
          pages += batch.pagesAt(row);
        } else if (type === TYPE.allocationFailed) {
          pages = 0;
        }
      }
    },
    values() {
      settle();
      const granted = grantedPages * 2 ** geometry.pageShift;
      return [
        {
          id: 'internal-fragmentation',
          label: 'internal fragmentation',
          unit: 'percent',
          better: 'lower',
          formula: '100 - 100 * requested / granted bytes, over all requests served',
          // Subtracted before dividing: whole bytes, so what fits exactly gives 0 and not 1e-14.
          value: granted === 0 ? 0 : (100 * (granted - requestedBytes)) / granted,
        },
      ];
    },
  };
};
