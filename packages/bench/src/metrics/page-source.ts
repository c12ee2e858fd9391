import { TYPE } from '@decpool/model';
import { eventSet } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** What was taken from the page allocator, and what it had to do for that. */
export const pageSourceMetrics = metricFamily({
  group: 'Page source',
  metrics: {
    claims: {
      isBootApart: true,
      label: 'chunks claimed',
      formula: 'events pages-claimed: chunks taken from the page allocator',
    },
    'claims-below-block': {
      isBootApart: true,
      label: 'chunks below 2 MiB',
      formula:
        'claims of less than a block: of a pool, where no whole block was free and it fell back to the highest order there was',
    },
    compactions: {
      label: 'blocks compacted',
      isQuiet: true,
      formula: 'events block-compacted: 2 MiB blocks that pages were moved out of',
    },
    'pages-moved': {
      label: 'pages moved',
      isQuiet: true,
      unit: 'pages',
      formula: 'sum of the pages moved by compactions',
    },
    'pages-reclaimed': {
      label: 'pages reclaimed',
      isQuiet: true,
      unit: 'pages',
      formula: 'sum of the events pages-reclaimed: page cache that was given up for requests',
    },
    'direct-reclaims': {
      label: 'direct reclaims',
      isQuiet: true,
      formula: 'events request-stalled: requests that waited while they reclaimed pages themselves',
    },
  },
  measure: ({ geometry }) => {
    let claims = 0;
    let belowBlock = 0;
    let reclaimed = 0;
    let stalls = 0;
    return {
      sees: eventSet('pages-claimed', 'pages-reclaimed', 'request-stalled'),
      observe(batch, row) {
        switch (batch.typeAt(row)) {
          case TYPE.pagesClaimed:
            claims++;
            if (batch.pagesAt(row) < geometry.pagesPerBlock) belowBlock++;
            break;
          case TYPE.pagesReclaimed:
            reclaimed += batch.pagesAt(row);
            break;
          case TYPE.requestStalled:
            stalls++;
            break;
        }
      },
      values: (counters) => ({
        claims: claims,
        'claims-below-block': belowBlock,
        compactions: counters.compactions,
        'pages-moved': counters.movedPages,
        'pages-reclaimed': reclaimed,
        'direct-reclaims': stalls,
      }),
    };
  },
});
