import { defineGuest } from './define.ts';
import { NVME_BURSTS, NvmeDrives } from './devices/nvme.ts';

/** NVMe controllers alone, to be joined with other workloads: `virtio-net:queues=16+nvme:drives=4`. */
export const nvme = defineGuest({
  name: 'nvme',
  description: 'NVMe controllers alone: queues, and descriptors made in atomic context.',
  parameters: {
    drives: { default: 1, min: 1, max: 64, about: 'controllers' },
    queues: { default: 16, min: 1, max: 1024, about: 'I/O queues of each' },
    ...NVME_BURSTS,
  },
  run(guest, { drives, queues, bursts, ios }) {
    const controllers = new NvmeDrives(drives, queues);
    controllers.boot(guest);
    controllers.serve(guest, bursts, ios);
  },
  text: ({ seed, drives, queues }) => ({
    description: `${drives} NVMe controllers of ${queues} I/O queues, and reads whose descriptors are made in atomic context.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}. Rates, lifetimes and the share of small descriptors are assumed.`,
      'The controllers keep their queues at the end.',
    ],
  }),
});
