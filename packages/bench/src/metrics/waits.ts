import { type EventBatch, pfn, TYPE } from '@decpool/model';
import { AREA_CALL, eventSet, hostCallsByPage, hostCallsFor } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** What a caller waits for: conversions during its own request. Those of the deferred worker are nobody's wait. */
export const waitMetrics = metricFamily({
  group: 'Waits',
  metrics: {
    'waited-share': {
      label: 'requests that waited',
      unit: 'percent',
      formula:
        'of the requests to allocate or free, the share during which set_memory_decrypted() or set_memory_encrypted() was called; calls of the deferred worker left out',
    },
    'host-calls-most': {
      label: 'host calls, most by one request',
      formula: 'max over the requests to allocate or free of the host calls made during it',
    },
  },
  measure: ({ geometry, platform }) => {
    let requests = 0;
    let waited = 0;
    let most = 0;
    /** The request that is being decided, and when. The worker's events have a later time, or another number. */
    let request = 0;
    let time = 0;
    let calls = 0;
    let isWaiting = false;

    const wait = (batch: EventBatch, row: number, isArea: boolean) => {
      if (batch.requestAt(row) !== request || batch.timeAt(row) !== time || request === 0) return;
      const pages = batch.pagesAt(row);
      calls += isArea
        ? hostCallsByPage(platform, batch.bytesAt(row), pages)
        : hostCallsFor(platform, geometry, pfn(batch.pfnAt(row)), pages);
      most = Math.max(most, calls);
      if (!isWaiting) waited++;
      isWaiting = true;
    };

    return {
      sees: eventSet(
        'allocation-requested',
        'free-requested',
        'pages-decrypted',
        'pages-encrypted',
        'vm-area-decrypted',
        'vm-area-encrypted',
        'conversion-failed',
      ),
      observe(batch, row) {
        switch (batch.typeAt(row)) {
          case TYPE.allocationRequested:
          case TYPE.freeRequested:
            requests++;
            request = batch.requestAt(row);
            time = batch.timeAt(row);
            calls = 0;
            isWaiting = false;
            break;
          case TYPE.pagesDecrypted:
          case TYPE.pagesEncrypted:
            wait(batch, row, false);
            break;
          case TYPE.vmAreaDecrypted:
          case TYPE.vmAreaEncrypted:
            wait(batch, row, true);
            break;
          case TYPE.conversionFailed:
            wait(batch, row, (batch.codeAt(row) & AREA_CALL) !== 0);
            break;
        }
      },
      values: () => ({
        'waited-share': requests === 0 ? 0 : (100 * waited) / requests,
        'host-calls-most': most,
      }),
    };
  },
});
