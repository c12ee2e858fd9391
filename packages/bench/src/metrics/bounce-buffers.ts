import { metricFamily } from './family.ts';

/** The bounce buffers: how much is shared for streaming maps, whatever the policy, and how much of it they needed. */
export const bounceBufferMetrics = metricFamily({
  group: 'Bounce buffers',
  metrics: {
    'bounce-bytes': {
      label: 'bounce buffers, end',
      isQuiet: true,
      unit: 'bytes',
      formula:
        'bytes of slabs made for no request, at the end: the boot pool of swiotlb, and what it grew by',
    },
    'bounce-used-peak': {
      label: 'bounce buffers used, peak',
      isQuiet: true,
      unit: 'bytes',
      better: 'neutral',
      formula: 'max over time of the bytes of bounce slots that are taken',
    },
  },
  reads: ['idle'],
  measure: (_, { idle: { bounce } }) => ({
    values: () => ({ 'bounce-bytes': bounce.bytes, 'bounce-used-peak': bounce.usedPeakBytes }),
  }),
});
