import { TYPE } from '@decpool/model';
import { eventSet } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/**
 * Pages that are zeroed. Each allocation zeroes its own, however long they have been shared: dma_direct_alloc() and dma_alloc_from_pool()
 * (kernel/dma) by memset(), others because their driver asks (`__GFP_ZERO`, vzalloc()). A pool of bounce buffers is zeroed when it is
 * made (swiotlb_init_io_tlb_pool(), kernel/dma/swiotlb.c).
 */
export const zeroingMetrics = metricFamily({
  group: 'Zeroing',
  metrics: {
    'pages-zeroed': {
      isBootApart: true,
      label: 'pages zeroed',
      unit: 'pages',
      formula:
        'pages of each allocation and slab, also of pages that were shared before; of a pool of bounce buffers when it is made; not counted outside a confidential VM',
    },
  },
  measure: ({ platform }) => {
    let zeroed = 0;
    return {
      sees: eventSet('pages-allocated', 'slab-created'),
      observe(batch, row) {
        const type = batch.typeAt(row);
        const isOwn = type === TYPE.slabCreated && batch.allocationAt(row) === 0;
        if (platform.confidential && (type === TYPE.pagesAllocated || isOwn)) zeroed += batch.pagesAt(row);
      },
      values: () => ({ 'pages-zeroed': zeroed }),
    };
  },
});
