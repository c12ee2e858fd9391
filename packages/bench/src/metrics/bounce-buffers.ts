import { metricFamily } from './family.ts';

/** The bounce buffers and the atomic DMA pools: how much is shared for them, and how much of the buffers was needed. */
export const bounceBufferMetrics = metricFamily({
  group: 'Bounce buffers and atomic DMA pools',
  metrics: {
    'bounce-bytes': {
      label: 'bounce buffers, end',
      isQuiet: true,
      isBootSize: true,
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
    'atomic-pool-bytes': {
      label: 'atomic DMA pools, end',
      isQuiet: true,
      isBootSize: true,
      unit: 'bytes',
      better: 'neutral',
      formula:
        'bytes of the chunks of the atomic DMA pools, at the end: those of boot, and what they grew by',
    },
  },
  reads: ['idle'],
  measure: ({ geometry }, { idle: { bounce, atomic } }) => ({
    values: () => ({
      'bounce-bytes': bounce.bytes,
      'bounce-used-peak': bounce.usedPeakBytes,
      'atomic-pool-bytes': atomic.pages * 2 ** geometry.pageShift,
    }),
  }),
});
