import { type EventBatch, TYPE } from '@decpool/model';
import { exposureSign } from './exposure-sign.ts';
import type { MetricFamily } from './metric.ts';
import { PageTime } from './page-time.ts';

/** Memory that the host can read and write though nobody uses it, and where a stray read would meet shared pages. */
export const exposureMetrics: MetricFamily = ({ geometry }) => {
  const idleTime = new PageTime();
  let idle = 0;
  let peak = 0;
  let time = 0;
  let shared = 0;
  let live = 0;

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
        const type = batch.typeAt(row);
        const sign = exposureSign(batch, row);
        if (sign !== 0) shared += sign * batch.pagesAt(row);
        else if (type === TYPE.pagesAllocated) live += batch.pagesAt(row);
        else if (type === TYPE.pagesFreed) live -= batch.pagesAt(row);
        else if (type === TYPE.slabCreated && batch.allocationAt(row) === 0) live += batch.pagesAt(row);
        else continue;
        idle = Math.max(0, shared - live);
      }
    },
    values: (counters) => [
      {
        id: 'shared-idle-peak',
        label: 'shared-idle, peak',
        unit: 'bytes',
        better: 'lower',
        formula:
          'max over time of bytes that are shared but in no allocation and no slab, after each instant',
        value: Math.max(peak, idle) * 2 ** geometry.pageShift,
      },
      {
        id: 'shared-idle-now',
        label: 'shared-idle, end',
        unit: 'bytes',
        better: 'lower',
        formula: 'bytes that are shared but in no allocation and no slab, at the end',
        value: idle * 2 ** geometry.pageShift,
      },
      {
        id: 'shared-idle-byte-seconds',
        label: 'shared-idle byte-s',
        unit: 'byte-seconds',
        better: 'lower',
        formula: 'integral over time of shared-idle bytes, exact in page-ns',
        value: (Number(idleTime.pageNs) * 2 ** geometry.pageShift) / 1e9,
      },
      {
        id: 'shared-idle-mean',
        label: 'shared-idle, mean',
        unit: 'bytes',
        better: 'lower',
        formula: 'shared-idle byte-s / simulated seconds of the run',
        value: time === 0 ? 0 : (Number(idleTime.pageNs) * 2 ** geometry.pageShift) / time,
      },
      {
        id: 'borders',
        label: 'borders, end',
        unit: 'count',
        better: 'lower',
        formula:
          'private pages physically followed by a page that is not private, at the end: where load_unaligned_zeropad() can stray; what becomes of such a read is a property of the platform',
        value: counters.borders,
      },
    ],
  };
};
