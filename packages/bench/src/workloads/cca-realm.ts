import { defineGuest } from './define.ts';
import { bootIts, createItt, ITT_ENTRY_BYTES } from './devices/gic-its.ts';
import { vectorsOf } from './devices/virtio.ts';
import { BURST_GAP_NS, VirtioDevices, virtioGuestParameters } from './devices/virtio-guest.ts';

/** An Arm CCA realm: boot-time tables that are never freed, and the virtio devices of `kvm-snp` with a translation table each. */
export const ccaRealm = defineGuest({
  name: 'cca-realm',
  description: 'An Arm CCA realm: GIC ITS tables, and virtio devices with one translation table each.',
  platform: 'cca',
  // No cloud offers realms yet: m8g.4xlarge of AWS, the same size on Arm: https://aws.amazon.com/ec2/instance-types/m8g/.
  memory: '64G',
  parameters: {
    ...virtioGuestParameters({ cpus: 16, nics: 4, disks: 8 }),
    entryBytes: ITT_ENTRY_BYTES,
  },
  run(guest, settings) {
    bootIts(guest, settings.cpus);
    const devices = new VirtioDevices(settings, (thread, pciFunction, queues) => [
      createItt(thread, pciFunction, vectorsOf(queues), settings.entryBytes),
    ]);
    devices.boot(guest);
    for (let burst = 0; burst < settings.bursts; burst++) {
      guest.wait(BURST_GAP_NS);
      if (guest.dice.between(1, 4) === 1) devices.replug(guest);
      devices.traffic(guest, settings.maps);
    }
  },
  text: ({ seed, cpus, nics, disks }) => ({
    description: `An Arm CCA realm of ${cpus} CPUs: GIC ITS tables, ${nics} virtio NICs, ${disks} disks, bounced traffic.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}. One ITS; a vector per queue and one more per device. Sizes, rates and lifetimes of mappings are assumed.`,
      'Odd-numbered devices use packed rings. The realm is not shut down: ITS tables stay, and devices keep their rings at the end.',
    ],
  }),
});
