import type { EventBatch } from '@decpool/model';
import { BounceSlots } from './bounce-slots.ts';
import { metricFamily } from './family.ts';

/** Memory that was not returned to the page allocator though nothing uses it. */
export const keptUnusedMetrics = metricFamily({
  group: 'Kept memory',
  metrics: {
    'kept-unused': {
      label: 'kept unused, end',
      unit: 'bytes',
      formula:
        'bytes claimed from the page allocator and not returned, less those in allocations, slabs and bounce slots in use, and less leaked ones, at the end',
    },
  },
  measure: ({ geometry }) => {
    const pageBytes = 1 << geometry.pageShift;
    const slots = new BounceSlots(pageBytes);
    return {
      observe(batch: EventBatch) {
        for (let row = 0; row < batch.length; row++) slots.observe(batch, row);
      },
      values: ({ claimedPages, livePages, slabPages, leakedPages }) => ({
        'kept-unused':
          (claimedPages - livePages - slabPages - leakedPages) * pageBytes + slots.bytes - slots.usedBytes,
      }),
    };
  },
});
