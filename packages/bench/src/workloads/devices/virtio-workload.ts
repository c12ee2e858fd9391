/** A workload of virtio devices of one kind, without anything else of a guest. */
import { defineGuest } from '../define.ts';
import { BURST_GAP_NS, VIRTIO_TRAFFIC, VirtioDevices } from './virtio-guest.ts';

export const virtioWorkload = (
  name: string,
  kind: string,
  countsOf: (settings: { readonly devices: number }) => { readonly nics: number; readonly disks: number },
) =>
  defineGuest({
    name,
    description: `Virtio ${kind} alone: rings, hot-plug and bounced traffic.`,
    parameters: {
      devices: { default: 1, min: 1, max: 64, about: kind },
      queues: { default: 16, min: 1, max: 1024, about: 'queues of each, or of a NIC queue pairs' },
      ...VIRTIO_TRAFFIC,
    },
    run(guest, settings) {
      const devices = new VirtioDevices({ ...settings, cpus: settings.queues, ...countsOf(settings) });
      devices.boot(guest);
      for (let burst = 0; burst < settings.bursts; burst++) {
        guest.wait(BURST_GAP_NS);
        if (guest.dice.between(1, 4) === 1) devices.replug(guest);
        devices.traffic(guest, settings.maps);
      }
    },
    text: ({ seed, devices, queues }) => ({
      description: `${devices} virtio ${kind} of ${queues} queues: hot-plug and bounced traffic.`,
      notes: [
        `Generated from the kernel's sizes, not recorded: seed ${seed}. Sizes, rates and lifetimes of mappings are assumed.`,
        'Odd-numbered devices use packed rings. They keep their rings at the end.',
      ],
    }),
  });
