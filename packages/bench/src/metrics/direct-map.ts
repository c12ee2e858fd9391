import { ignoreEvents, type MetricFamily } from './metric.ts';

/** What became of the direct map: splits, and how much of it is mapped by which page size at the end. */
export const directMapMetrics: MetricFamily = ({ geometry }) => ({
  observe: ignoreEvents,
  values(counters) {
    const bytes = (pages: number) => pages * 2 ** geometry.pageShift;
    return [
      {
        id: 'splits-2m',
        label: '2M splits',
        unit: 'count',
        better: 'lower',
        formula: 'events large-page-split of level 2; direct_map_level2_splits of /proc/vmstat',
        value: counters.splits2M,
      },
      {
        id: 'splits-1g',
        label: '1G splits',
        unit: 'count',
        better: 'lower',
        formula: 'events large-page-split of level 3; direct_map_level3_splits of /proc/vmstat',
        value: counters.splits1G,
      },
      {
        id: 'splits-32m',
        label: '32M splits',
        unit: 'count',
        better: 'lower',
        formula: 'events contiguous-split of level 2: 16 contiguous 2M entries (cca-bbml3 only)',
        value: counters.splits32M,
      },
      {
        id: 'splits-64k',
        label: '64K splits',
        unit: 'count',
        better: 'lower',
        formula: 'events contiguous-split of level 1: 16 contiguous 4K entries (cca-bbml3 only)',
        value: counters.splits64K,
      },
      {
        id: 'page-table-pages',
        label: 'page-table pages',
        unit: 'pages',
        better: 'lower',
        formula: 'one per split, less one per restore (__split_large_page, arch/x86/mm/pat/set_memory.c)',
        value: counters.pageTablePages,
      },
      {
        id: 'direct-map-4k',
        label: 'DirectMap4k',
        unit: 'bytes',
        better: 'lower',
        formula: 'bytes mapped by 4K entries at the end, boot-time ones included',
        value: bytes(counters.mapped4KPages),
      },
      {
        id: 'direct-map-2m',
        label: 'DirectMap2M',
        unit: 'bytes',
        better: 'neutral',
        formula: 'bytes mapped by 2M entries at the end',
        value: bytes(counters.mapped2MPages),
      },
      {
        id: 'direct-map-1g',
        label: 'DirectMap1G',
        unit: 'bytes',
        better: 'higher',
        formula: 'bytes mapped by 1G entries at the end',
        value: bytes(counters.mapped1GPages),
      },
    ];
  },
});
