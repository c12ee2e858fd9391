import { defineGuest } from './define.ts';
import { bootKvmclock, snpExtendedReport } from './devices/attestation.ts';
import { NVME_BURSTS, NvmeDrives } from './devices/nvme.ts';
import { BURST_GAP_NS, VirtioDevices, virtioGuestParameters } from './devices/virtio-guest.ts';

/**
 * A KVM guest under SEV-SNP: virtio rings in both layouts for each CPU, swiotlb, hot-plug, attestation, the clocks of many
 * CPUs.
 */
export const kvmSnp = defineGuest({
  name: 'kvm-snp',
  description:
    'A KVM guest under SEV-SNP: virtio rings for many CPUs, bounced traffic, attestation reports with certificates.',
  // n2d-standard-16 of Google Cloud, a confidential VM under SEV-SNP: https://cloud.google.com/compute/docs/general-purpose-machines.
  memory: '64G',
  parameters: {
    ...virtioGuestParameters({ cpus: 16, nics: 2, disks: 4 }),
    nvme: {
      default: 0,
      min: 0,
      max: 64,
      about: 'NVMe controllers that are passed through, with an I/O queue per CPU',
    },
    ios: NVME_BURSTS.ios,
  },
  run(guest, settings) {
    bootKvmclock(guest, settings.cpus);
    const devices = new VirtioDevices(settings);
    devices.boot(guest);
    const drives = new NvmeDrives(settings.nvme, settings.cpus);
    drives.boot(guest);
    drives.serve(guest.fork(), settings.bursts, settings.ios);
    for (let burst = 0; burst < settings.bursts; burst++) {
      guest.wait(BURST_GAP_NS);
      if (guest.dice.between(1, 4) === 1) devices.replug(guest);
      if (guest.dice.between(1, 4) === 1) snpExtendedReport(guest.fork());
      devices.traffic(guest, settings.maps);
    }
  },
  text: ({ seed, cpus, nics, disks, nvme }) => ({
    description: `A KVM guest of ${cpus} CPUs under SEV-SNP: ${nics} virtio NICs, ${disks} disks,${nvme > 0 ? ` ${nvme} NVMe controllers,` : ''} bounced traffic, attestation reports.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}. Sizes, rates and lifetimes of mappings are assumed.`,
      'Odd-numbered devices use packed rings. The guest is not shut down: its devices keep their rings at the end.',
    ],
  }),
});
