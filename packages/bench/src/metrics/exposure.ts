import type { EventBatch } from '@decpool/model';
import { metricFamily } from './family.ts';
import { PageTime } from './page-time.ts';
import { SharedIdle } from './shared-idle.ts';

/** Memory that the host can read and write though nobody uses it, and where a stray read would meet shared pages. */
export const exposureMetrics = metricFamily({
  group: 'Shared and idle memory',
  metrics: {
    'shared-idle-peak': {
      label: 'shared-idle, peak',
      unit: 'bytes',
      formula:
        'max over time of bytes that are shared but in no allocation and no slab, unused bounce slots included, after each instant',
    },
    'shared-idle-now': {
      label: 'shared-idle, end',
      unit: 'bytes',
      formula:
        'bytes that are shared but in no allocation and no slab, unused bounce slots included, at the end',
    },
    'shared-idle-byte-seconds': {
      label: 'shared-idle byte-seconds',
      unit: 'byte-seconds',
      formula: 'integral over time of shared-idle bytes, exact in units of half a page x ns',
    },
    'shared-idle-mean': {
      label: 'shared-idle, mean',
      unit: 'bytes',
      formula: 'shared-idle byte-seconds / simulated seconds of the run',
    },
    borders: {
      label: 'borders, end',
      formula:
        'private pages physically followed by a page that is not private, at the end: where load_unaligned_zeropad() can stray; what becomes of such a read is a property of the platform',
    },
  },
  measure: ({ geometry }) => {
    const memory = new SharedIdle(geometry.pageShift);
    const halfPageBytes = 1 << (geometry.pageShift - 1);
    /** In half pages, as what it integrates. */
    const idleTime = new PageTime();
    let idle = 0;
    let peak = 0;
    let time = 0;

    return {
      observe(batch: EventBatch) {
        for (let row = 0; row < batch.length; row++) {
          const now = batch.timeAt(row);
          if (now > time) {
            // Within one instant idle pages come and go; what lasts is what stands when time moves on.
            if (idle > peak) peak = idle;
            idleTime.add(idle, now - time);
            time = now;
          }
          if (memory.observe(batch, row)) idle = memory.idle;
        }
      },
      values: (counters) => ({
        'shared-idle-peak': Math.max(peak, idle) * halfPageBytes,
        'shared-idle-now': idle * halfPageBytes,
        'shared-idle-byte-seconds': (Number(idleTime.pageNs) * halfPageBytes) / 1e9,
        'shared-idle-mean': time === 0 ? 0 : (Number(idleTime.pageNs) * halfPageBytes) / time,
        borders: counters.borders,
      }),
    };
  },
});
