import { virtioWorkload } from './devices/virtio-workload.ts';

/** Virtio disks alone, to be joined with other workloads: `virtio-blk:devices=4+file-churn`. */
export const virtioBlkDevices = virtioWorkload('virtio-blk', 'disks', ({ devices }) => ({
  nics: 0,
  disks: devices,
}));
