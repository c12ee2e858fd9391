import { formulaByPlatform } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** What conversions cost, in things counted: the model has no latencies. */
export const conversionMetrics = metricFamily({
  group: 'Conversions',
  metrics: {
    conversions: {
      isBootApart: true,
      label: 'conversions',
      formula:
        'successful set_memory_decrypted() and set_memory_encrypted() of a contiguous range, or of a vmalloc area',
    },
    'pages-converted': {
      isBootApart: true,
      label: 'pages converted',
      unit: 'pages',
      formula: 'sum of the pages of all conversions, both directions',
    },
    'host-calls': {
      isBootApart: true,
      label: 'host calls',
      formula: `per conversion, failed attempts included: ${formulaByPlatform('hostCalls')}`,
    },
    'page-table-passes': {
      isBootApart: true,
      label: 'page-table passes',
      formula: `per conversion, failed attempts included: ${formulaByPlatform('pageTablePasses')}`,
    },
    'mapping-changes': {
      isBootApart: true,
      label: 'direct-map entries written',
      formula:
        'direct-map entries that conversions wrote, once each: a 2M or 1G entry that is converted whole is one; through a vmalloc address one per page; pkvm 0',
    },
    'full-flushes': {
      isBootApart: true,
      label: 'full TLB flushes',
      formula: `one per split (none on cca-bbml3); per conversion of more than 33 pages (Arm: 2,097,152) or through a vmalloc address, failed attempts included: ${formulaByPlatform('flushes')}`,
    },
    'ranged-flushes': {
      isBootApart: true,
      label: 'ranged TLB flushes',
      formula:
        'per conversion of at most 33 pages (Arm: 2,097,152), failed attempts included: as many as a larger one has full flushes',
    },
  },
  measure: () => ({
    values: (counters) => ({
      conversions: counters.conversions,
      'pages-converted': counters.convertedPages,
      'host-calls': counters.hostCalls,
      'page-table-passes': counters.pageTablePasses,
      'mapping-changes': counters.mappingChanges,
      'full-flushes': counters.fullFlushes,
      'ranged-flushes': counters.rangedFlushes,
    }),
  }),
});
