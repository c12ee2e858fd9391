import { TYPE } from '@decpool/model';
import { eventSet } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/**
 * Memory held against memory needed, each at its own maximum: measure #4 of Johnstone & Wilson, The Memory Fragmentation
 * Problem: Solved? (ISMM 1998). Held is what was claimed and not given back. The bounce buffers are the same under every
 * policy.
 */
export const johnstoneWilsonMetrics = metricFamily({
  group: 'Memory held against memory needed',
  metrics: {
    'johnstone-wilson-4': {
      label: 'Johnstone-Wilson #4',
      unit: 'ratio',
      shown: 'on-request',
      formula:
        'max over time of pages claimed and not given back / max over time of pages in allocations; 1 where nothing was allocated. Bounce buffers left out (Johnstone & Wilson, ISMM 1998, measure #4)',
    },
  },
  measure: () => {
    /** Compared with its maximum only when pages are allocated or the reserve is filled: a claim for bounce buffers is known by then. */
    let used = 0;
    let live = 0;
    let mostUsed = 0;
    let mostLive = 0;
    return {
      sees: eventSet(
        'pages-claimed',
        'pages-returned',
        'slab-created',
        'pages-allocated',
        'reserve-refilled',
        'pages-freed',
      ),
      observe(batch, row) {
        const pages = batch.pagesAt(row);
        switch (batch.typeAt(row)) {
          case TYPE.pagesClaimed:
            used += pages;
            break;
          case TYPE.pagesReturned:
            used -= pages;
            break;
          case TYPE.slabCreated:
            if (batch.allocationAt(row) === 0) used -= pages;
            break;
          case TYPE.pagesAllocated:
            live += pages;
            mostLive = Math.max(mostLive, live);
            mostUsed = Math.max(mostUsed, used);
            break;
          case TYPE.reserveRefilled:
            mostUsed = Math.max(mostUsed, used);
            break;
          case TYPE.pagesFreed:
            live -= pages;
            break;
        }
      },
      values: () => ({ 'johnstone-wilson-4': mostLive === 0 ? 1 : mostUsed / mostLive }),
    };
  },
});
