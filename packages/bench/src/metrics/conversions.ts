import { ignoreEvents, type MetricFamily } from './metric.ts';

/** What conversions cost, in things counted: the model has no latencies. */
export const conversionMetrics: MetricFamily = () => ({
  observe: ignoreEvents,
  values: (counters) => [
    {
      id: 'conversions',
      label: 'conversions',
      unit: 'count',
      better: 'lower',
      formula:
        'successful set_memory_decrypted() and set_memory_encrypted() of a contiguous range, or of a vmalloc area',
      value: counters.conversions,
    },
    {
      id: 'pages-converted',
      label: 'pages converted',
      unit: 'pages',
      better: 'lower',
      formula: 'sum of the pages of all conversions, both directions',
      value: counters.convertedPages,
    },
    {
      id: 'host-calls',
      label: 'host calls',
      unit: 'count',
      better: 'lower',
      formula:
        'per conversion, failed attempts included: snp ceil(entries / 64), an aligned 2 MiB being one entry, or a page through a vmalloc address; hyperv-vtom ceil(pages / 510); tdx and cca 1; pkvm one per page; none 0',
      value: counters.hostCalls,
    },
    {
      id: 'page-table-passes',
      label: 'page-table passes',
      unit: 'count',
      better: 'lower',
      formula:
        'per conversion, failed attempts included: snp and tdx 1; hyperv-vtom 3 (not-present before, present after); cca 2; pkvm 0',
      value: counters.pageTablePasses,
    },
    {
      id: 'mapping-changes',
      label: 'direct-map entries written',
      unit: 'count',
      better: 'lower',
      formula:
        'direct-map entries that conversions wrote, once each: a 2M or 1G entry that is converted whole is one; through a vmalloc address one per page; pkvm 0',
      value: counters.mappingChanges,
    },
    {
      id: 'pages-zeroed',
      label: 'pages zeroed',
      unit: 'pages',
      better: 'lower',
      formula:
        'pages that became shared: their content is undefined then, and is zeroed before anybody gets it',
      value: counters.zeroedPages,
    },
    {
      id: 'full-flushes',
      label: 'full TLB flushes',
      unit: 'count',
      better: 'lower',
      formula:
        'one per split; per conversion of more than 33 pages (Arm: 512) or through a vmalloc address, failed attempts included: snp 2, tdx 2 (to private 1), hyperv-vtom 3 (one per page-table pass), cca 1, pkvm 0',
      value: counters.fullFlushes,
    },
    {
      id: 'ranged-flushes',
      label: 'ranged TLB flushes',
      unit: 'count',
      better: 'lower',
      formula:
        'per conversion of at most 33 pages (Arm: 512), failed attempts included: as many as a larger one has full flushes',
      value: counters.rangedFlushes,
    },
  ],
});
