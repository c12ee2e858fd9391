import { metricFamily } from './family.ts';

/** What became of the direct map: splits, and how much of it is mapped by which page size at the end. */
export const directMapMetrics = metricFamily({
  group: 'Direct map',
  metrics: {
    'splits-2m': {
      isBootApart: true,
      label: '2M splits',
      formula: 'events large-page-split of level 2; direct_map_level2_splits of /proc/vmstat',
    },
    'splits-1g': {
      isBootApart: true,
      label: '1G splits',
      formula: 'events large-page-split of level 3; direct_map_level3_splits of /proc/vmstat',
    },
    'splits-32m': {
      isBootApart: true,
      label: '32M splits',
      formula: 'events contiguous-split of level 2: 16 contiguous 2M entries (cca-bbml3 only)',
      isQuiet: true,
    },
    'splits-64k': {
      isBootApart: true,
      label: '64K splits',
      formula: 'events contiguous-split of level 1: 16 contiguous 4K entries (cca-bbml3 only)',
      isQuiet: true,
    },
    'page-table-pages': {
      isBootApart: true,
      label: 'page-table pages',
      unit: 'pages',
      formula: 'one per split, less one per restore (__split_large_page, arch/x86/mm/pat/set_memory.c)',
    },
    'direct-map-4k': {
      label: 'DirectMap4k',
      unit: 'bytes',
      formula: 'bytes mapped by 4K entries at the end, boot-time ones included',
    },
    'direct-map-2m': {
      label: 'DirectMap2M',
      unit: 'bytes',
      better: 'neutral',
      formula: 'bytes mapped by 2M entries at the end',
    },
    'direct-map-1g': {
      label: 'DirectMap1G',
      unit: 'bytes',
      better: 'higher',
      formula: 'bytes mapped by 1G entries at the end',
    },
  },
  measure: ({ geometry }) => ({
    values(counters) {
      const pageBytes = 2 ** geometry.pageShift;
      return {
        'splits-2m': counters.splits2M,
        'splits-1g': counters.splits1G,
        'splits-32m': counters.splits32M,
        'splits-64k': counters.splits64K,
        'page-table-pages': counters.pageTablePages,
        'direct-map-4k': counters.mapped4KPages * pageBytes,
        'direct-map-2m': counters.mapped2MPages * pageBytes,
        'direct-map-1g': counters.mapped1GPages * pageBytes,
      };
    },
  }),
});
