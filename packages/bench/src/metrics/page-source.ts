import { type EventBatch, TYPE } from '@decpool/model';
import type { MetricFamily } from './metric.ts';

/** What was taken from the page allocator, and what it had to do for that. */
export const pageSourceMetrics: MetricFamily = ({ geometry }) => {
  let claims = 0;
  let belowBlock = 0;
  return {
    observe(batch: EventBatch) {
      for (let row = 0; row < batch.length; row++) {
        if (batch.typeAt(row) !== TYPE.pagesClaimed) continue;
        claims++;
        if (batch.pagesAt(row) < geometry.pagesPerBlock) belowBlock++;
      }
    },
    values: (counters) => [
      {
        id: 'claims',
        label: 'chunks claimed',
        unit: 'count',
        better: 'lower',
        formula: 'events pages-claimed: chunks taken from the page allocator',
        value: claims,
      },
      {
        id: 'claims-below-block',
        label: 'chunks below 2 MiB',
        unit: 'count',
        better: 'lower',
        formula:
          'claims of less than a block: of a pool, where no whole block was free and it fell back to the highest order there was',
        value: belowBlock,
      },
      {
        id: 'compactions',
        label: 'blocks compacted',
        unit: 'count',
        better: 'lower',
        formula: 'events block-compacted: 2 MiB blocks made free by moving movable pages',
        value: counters.compactions,
      },
      {
        id: 'pages-moved',
        label: 'pages moved',
        unit: 'pages',
        better: 'lower',
        formula: 'sum of the pages moved by compactions',
        value: counters.movedPages,
      },
    ],
  };
};
