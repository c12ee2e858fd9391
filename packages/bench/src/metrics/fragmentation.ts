import { TYPE } from '@decpool/model';
import { eventSet } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** How much more than asked for was given out. */
export const fragmentationMetrics = metricFamily({
  group: 'Fragmentation',
  metrics: {
    'internal-fragmentation': {
      label: 'internal fragmentation',
      unit: 'percent',
      formula:
        '100 - 100 * requested / granted bytes, over all requests served; of an object in a slab its units are granted',
    },
  },
  measure: ({ geometry }) => {
    /** Of the requests that were served, over the whole run. */
    let requestedBytes = 0;
    let grantedBytes = 0;
    /** Of the request being decided: an undone one gets nothing. */
    let bytes = 0;
    let granted = 0;
    const pageBytes = 2 ** geometry.pageShift;
    const settle = () => {
      if (granted > 0) {
        requestedBytes += bytes;
        grantedBytes += granted;
      }
      bytes = 0;
      granted = 0;
    };
    return {
      sees: eventSet('allocation-requested', 'pages-allocated', 'object-allocated', 'allocation-failed'),
      observe(batch, row) {
        const type = batch.typeAt(row);
        if (type === TYPE.allocationRequested) {
          settle();
          bytes = batch.bytesAt(row);
        } else if (type === TYPE.pagesAllocated) {
          granted += batch.pagesAt(row) * pageBytes;
        } else if (type === TYPE.objectAllocated) {
          // The pages it may have brought are the slab's: what the request was granted is its object.
          granted = batch.bytesAt(row);
        } else if (type === TYPE.allocationFailed) {
          granted = 0;
        }
      },
      values() {
        settle();
        return {
          // Subtracted before dividing: whole bytes, so what fits exactly gives 0 and not 1e-14.
          'internal-fragmentation':
            grantedBytes === 0 ? 0 : (100 * (grantedBytes - requestedBytes)) / grantedBytes,
        };
      },
    };
  },
});
