import { metricFamily } from './family.ts';

/** Memory that was not returned to the page allocator though nothing uses it. */
export const keptUnusedMetrics = metricFamily({
  group: 'Kept memory',
  metrics: {
    'kept-unused': {
      label: 'kept unused, end',
      unit: 'bytes',
      formula:
        'bytes claimed from the page allocator and not returned, less those in allocations, slabs and bounce slots in use, and less leaked ones and the unused slots of the boot pool of swiotlb, at the end',
    },
  },
  reads: ['idle'],
  measure: (header, { idle: { bounce } }) => ({
    values: ({ claimedPages, livePages, slabPages, leakedPages }) => ({
      'kept-unused':
        (claimedPages - livePages - slabPages - leakedPages) * 2 ** header.geometry.pageShift +
        bounce.bytes -
        bounce.usedBytes -
        bounce.unusedAtBoot,
    }),
  }),
});
