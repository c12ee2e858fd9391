import { TYPE } from '@decpool/model';
import { eventSet } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** Small objects: how many pages their slabs take. The bounce buffers' own slabs, made at boot, are left out. */
export const slabMetrics = metricFamily({
  group: 'Slabs',
  metrics: {
    'slabs-created': {
      label: 'slabs created',
      isQuiet: true,
      formula: 'events slab-created for a request',
    },
    'slab-bytes-peak': {
      label: 'slab memory, peak',
      isQuiet: true,
      unit: 'bytes',
      formula: 'max over time of the bytes of slabs',
    },
  },
  measure: ({ geometry }) => {
    const pagesOf = new Map<number, number>();
    let slab = 0;
    let created = 0;
    let pages = 0;
    let peak = 0;
    return {
      sees: eventSet('slab-created', 'slab-destroyed'),
      observe(batch, row) {
        const type = batch.typeAt(row);
        if (type === TYPE.slabCreated) {
          slab++;
          if (batch.allocationAt(row) === 0) return;
          created++;
          pagesOf.set(slab, batch.pagesAt(row));
          pages += batch.pagesAt(row);
          peak = Math.max(peak, pages);
        } else if (type === TYPE.slabDestroyed) {
          // The number of a slab is in the column of page frames.
          pages -= pagesOf.get(batch.pfnAt(row)) ?? 0;
          pagesOf.delete(batch.pfnAt(row));
        }
      },
      values: () => ({ 'slabs-created': created, 'slab-bytes-peak': peak * 2 ** geometry.pageShift }),
    };
  },
});
