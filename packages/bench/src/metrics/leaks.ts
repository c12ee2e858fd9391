import { type EventBatch, TYPE } from '@decpool/model';
import { anyOf, CONVERTED, eventSet, isFailedDecryption } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** Events after which a range is in an unknown state no more, or is lost. */
const SETTLES = eventSet('pages-encrypted', 'vm-area-encrypted', 'pages-leaked');
const SEES = anyOf(SETTLES, eventSet('conversion-failed'));

/** What failed conversions cost: memory lost, and memory of which nobody knows whether the host can see it. */
export const leakMetrics = metricFamily({
  group: 'Failed conversions',
  metrics: {
    'failed-conversions': {
      label: 'failed conversions',
      isQuiet: true,
      formula: 'calls that returned an error, retries included; one of a vmalloc area is one',
    },
    leaked: {
      label: 'leaked',
      isQuiet: true,
      unit: 'bytes',
      formula: 'bytes of pages whose state is unknown after the last retry: never used again',
    },
    'leaked-visible': {
      label: 'leaked and visible to the host',
      isQuiet: true,
      unit: 'bytes',
      formula:
        'leaked bytes that the host can in fact see: a decryption that failed but was done, or an encryption that failed and was not. The guest cannot know',
    },
    'host-may-see': {
      label: 'may be visible to the host, end',
      unit: 'bytes',
      better: 'neutral',
      formula: 'bytes of pages that are shared or in an unknown state, at the end',
    },
  },
  measure: ({ geometry, faults }) => {
    const pageBytes = 2 ** geometry.pageShift;
    let leakedVisible = 0;
    /**
     * Pages of unknown state that the host can see, which no guest knows; by first page of the range, which changes as a
     * whole.
     */
    const visible = new Map<number, number>();
    const visibleAfterFailure = (batch: EventBatch, row: number): number => {
      const isDone = (batch.codeAt(row) & CONVERTED) !== 0;
      const pages = batch.pagesAt(row);
      if (isFailedDecryption(batch, row)) return isDone ? pages : 0;
      // An encryption that was not done leaves the pages as they were: shared, unless this is a retry.
      return isDone ? 0 : (visible.get(batch.pfnAt(row)) ?? pages);
    };
    const observe = (batch: EventBatch, row: number) => {
      const type = batch.typeAt(row);
      const pfn = batch.pfnAt(row);
      if (type === TYPE.conversionFailed) visible.set(pfn, visibleAfterFailure(batch, row));
      else if (visible.size > 0 && SETTLES[type]) {
        if (type === TYPE.pagesLeaked) leakedVisible += visible.get(pfn) ?? 0;
        visible.delete(pfn);
      }
    };
    return {
      ...(faults && { sees: SEES, observe }),
      values: (counters) => ({
        'failed-conversions': counters.failedConversions,
        leaked: counters.leakedPages * pageBytes,
        'leaked-visible': leakedVisible * pageBytes,
        'host-may-see': (counters.sharedPages + counters.unknownPages) * pageBytes,
      }),
    };
  },
});
