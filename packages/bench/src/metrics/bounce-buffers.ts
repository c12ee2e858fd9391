import type { EventBatch } from '@decpool/model';
import { BounceSlots } from './bounce-slots.ts';
import type { MetricFamily } from './metric.ts';

/** The bounce buffers: how much is shared for streaming maps, whatever the policy, and how much of it they needed. */
export const bounceBufferMetrics: MetricFamily = ({ geometry }) => {
  const slots = new BounceSlots(1 << geometry.pageShift);
  let peak = 0;
  return {
    observe(batch: EventBatch) {
      for (let row = 0; row < batch.length; row++) {
        slots.observe(batch, row);
        if (slots.usedBytes > peak) peak = slots.usedBytes;
      }
    },
    values: () => [
      {
        id: 'bounce-bytes',
        label: 'bounce buffers, end',
        unit: 'bytes',
        better: 'lower',
        formula:
          'bytes of slabs made for no request, at the end: the boot pool of swiotlb, and what it grew by',
        value: slots.bytes,
      },
      {
        id: 'bounce-used-peak',
        label: 'bounce buffers used, peak',
        unit: 'bytes',
        better: 'neutral',
        formula: 'max over time of the bytes of bounce slots that are taken',
        value: peak,
      },
    ],
  };
};
