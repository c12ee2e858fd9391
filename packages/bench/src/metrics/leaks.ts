import { CONVERTED, type EventBatch, isFailedDecryption, TYPE } from '@decpool/model';
import { metricFamily } from './family.ts';

/** Events after which a range is in an unknown state no more, or is lost. */
const SETTLES: readonly number[] = [TYPE.pagesEncrypted, TYPE.vmAreaEncrypted, TYPE.pagesLeaked];

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
    const unknown = new UnknownRanges();
    return {
      ...(faults && { observe: (batch, row) => unknown.observe(batch, row) }),
      values: (counters) => ({
        'failed-conversions': counters.failedConversions,
        leaked: counters.leakedPages * 2 ** geometry.pageShift,
        'leaked-visible': unknown.leakedVisible * 2 ** geometry.pageShift,
        'host-may-see': (counters.sharedPages + counters.unknownPages) * 2 ** geometry.pageShift,
      }),
    };
  },
});

/** Ranges in an unknown state, and what the simulation knows of them though no guest can: whether the host sees them. */
class UnknownRanges {
  leakedVisible = 0;
  /** Pages that the host can see, by first page of the range. A range fails, is retried and is leaked as a whole. */
  readonly #visible = new Map<number, number>();

  observe(batch: EventBatch, row: number): void {
    const type = batch.typeAt(row);
    if (type === TYPE.conversionFailed) {
      this.#visible.set(batch.pfnAt(row), this.#afterFailure(batch, row));
    } else if (this.#visible.size > 0 && SETTLES.includes(type)) {
      if (type === TYPE.pagesLeaked) this.leakedVisible += this.#visible.get(batch.pfnAt(row)) ?? 0;
      this.#visible.delete(batch.pfnAt(row));
    }
  }

  #afterFailure(batch: EventBatch, row: number): number {
    const code = batch.codeAt(row);
    const isDone = (code & CONVERTED) !== 0;
    const pages = batch.pagesAt(row);
    if (isFailedDecryption(batch, row)) return isDone ? pages : 0;
    // An encryption that was not done leaves the pages as they were: shared, unless this is a retry.
    return isDone ? 0 : (this.#visible.get(batch.pfnAt(row)) ?? pages);
  }
}
