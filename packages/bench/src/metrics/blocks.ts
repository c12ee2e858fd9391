import { metricFamily } from './family.ts';

/** How many 2 MiB blocks the shared pages lie in: over time, and how many of them are mixed. */
export const blockMetrics = metricFamily({
  group: 'Shared blocks',
  metrics: {
    'blocks-touched': {
      isBootApart: true,
      label: 'blocks ever shared',
      formula: 'distinct 2 MiB blocks in which a page was ever shared',
    },
    'blocks-peak': {
      isBootApart: true,
      label: 'shared blocks, peak',
      formula: 'max over time of the 2 MiB blocks with a shared page',
    },
    'blocks-now': {
      isBootApart: true,
      label: 'shared blocks, end',
      formula: '2 MiB blocks with a shared page at the end',
    },
    'block-seconds': {
      isBootApart: true,
      label: 'shared block-seconds',
      unit: 'block-seconds',
      formula:
        'integral over time of the 2 MiB blocks with a shared page, from time 0 to the last event; exact in blocks x ns',
    },
    'mixed-peak': {
      isBootApart: true,
      label: 'mixed 2M ranges, peak',
      formula: 'max over time of the 2 MiB blocks with both private and shared pages',
    },
    'mixed-now': {
      isBootApart: true,
      label: 'mixed 2M ranges, end',
      formula: '2 MiB blocks with both private and shared pages at the end',
    },
  },
  reads: ['blocks'],
  measure: (_, { blocks }) => ({
    values(counters) {
      blocks.moveTo(counters.time);
      return {
        'blocks-touched': counters.touchedBlocks,
        'blocks-peak': blocks.peak,
        'blocks-now': blocks.now,
        'block-seconds': Number(blocks.blockTime.pageNs) / 1e9,
        'mixed-peak': blocks.mixedPeak,
        'mixed-now': blocks.mixed,
      };
    },
  }),
});
