import { virtioWorkload } from './devices/virtio-workload.ts';

/** Virtio NICs alone, to be joined with other workloads: `virtio-net:queues=16+nvme:drives=4`. */
export const virtioNetDevices = virtioWorkload('virtio-net', 'NICs', ({ devices }) => ({
  nics: devices,
  disks: 0,
}));
