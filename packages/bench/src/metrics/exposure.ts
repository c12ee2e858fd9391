import { metricFamily } from './family.ts';

/** Memory that the host can read and write though nobody uses it, that of the boot pools by itself, and where a stray read would meet shared pages. */
export const exposureMetrics = metricFamily({
  group: 'Shared and idle memory',
  metrics: {
    'shared-idle-peak': {
      label: 'shared-idle, peak',
      unit: 'bytes',
      formula:
        'max over time of bytes that are shared but in no allocation and no slab, without unused slots of the boot pool of swiotlb, after each instant',
    },
    'shared-idle-now': {
      label: 'shared-idle, end',
      unit: 'bytes',
      formula:
        'bytes that are shared but in no allocation and no slab, without unused slots of the boot pool of swiotlb, at the end',
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
    'bounce-pool-idle-mean': {
      label: 'boot bounce pool idle, mean',
      isQuiet: true,
      unit: 'bytes',
      better: 'neutral',
      formula:
        'mean over simulated time of the unused slots of the boot pool of swiotlb, which every policy has; not in shared-idle',
    },
    'atomic-pool-idle-mean': {
      label: 'boot atomic pools idle, mean',
      isQuiet: true,
      unit: 'bytes',
      better: 'neutral',
      formula:
        'mean over simulated time of the unused pages that the atomic DMA pools have since boot, which are in shared-idle, too; 0 if the policy replaces these pools',
    },
    borders: {
      isBootApart: true,
      label: 'borders, end',
      formula:
        'private pages physically followed by a page that is not private, at the end: where load_unaligned_zeropad() can stray; what becomes of such a read is a property of the platform',
    },
  },
  reads: ['idle'],
  measure: (_, { idle }) => ({
    values: (counters) => {
      idle.moveTo(counters.time);
      const byteNs = Number(idle.idleTime.pageNs) * idle.halfPageBytes;
      const meanOf = (time: typeof idle.idleTime) =>
        idle.time === 0 ? 0 : (Number(time.pageNs) * idle.halfPageBytes) / idle.time;
      return {
        'shared-idle-peak': idle.peakBytes,
        'shared-idle-now': idle.idleBytes,
        'shared-idle-byte-seconds': byteNs / 1e9,
        'shared-idle-mean': meanOf(idle.idleTime),
        'bounce-pool-idle-mean': meanOf(idle.bounceIdleTime),
        'atomic-pool-idle-mean': meanOf(idle.atomicIdleTime),
        borders: counters.borders,
      };
    },
  }),
});
