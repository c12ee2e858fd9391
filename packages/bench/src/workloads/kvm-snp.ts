import { bootKvmclock, snpExtendedReport } from './devices/attestation.ts';
import {
  BURST_GAP_NS,
  checkVirtioGuest,
  VirtioDevices,
  type VirtioGuestOptions,
} from './devices/virtio-guest.ts';
import { dice } from './random.ts';
import { Activity, Timeline } from './timeline.ts';
import { type Workload, workload } from './workload.ts';

export type KvmSnpOptions = VirtioGuestOptions;

/** 80 CPUs, so that some clocks are beyond those in the kernel's image. */
export const KVM_SNP_DEFAULTS: KvmSnpOptions = {
  seed: 1,
  cpus: 80,
  nics: 2,
  disks: 4,
  ringEntries: 256,
  bursts: 60,
  maps: 100,
};

/**
 * A KVM guest under SEV-SNP with virtio devices: rings for each CPU, in both layouts, traffic through swiotlb, devices
 * that are unplugged and plugged in, attestation reports with certificates, and the clocks of many CPUs.
 * Throws InputError for settings out of range.
 */
export function kvmSnp(options: Partial<KvmSnpOptions> = {}): Workload {
  const settings = { ...KVM_SNP_DEFAULTS, ...options };
  const { seed, cpus, nics, disks, bursts, maps } = settings;
  checkVirtioGuest(settings);
  const timeline = new Timeline();
  const guest = new Activity(timeline, dice(seed));
  bootKvmclock(guest, cpus);
  const devices = new VirtioDevices(settings);
  devices.boot(guest);
  for (let burst = 0; burst < bursts; burst++) {
    guest.wait(BURST_GAP_NS);
    if (guest.dice.between(1, 4) === 1) devices.replug(guest);
    if (guest.dice.between(1, 4) === 1) snpExtendedReport(guest.fork());
    devices.traffic(guest, maps);
  }
  return workload({
    name: 'kvm-snp',
    description: `A KVM guest of ${cpus} CPUs under SEV-SNP: ${nics} virtio NICs, ${disks} disks, bounced traffic, attestation reports.`,
    requests: timeline.requests(),
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}. Sizes, rates and lifetimes of mappings are assumed.`,
      'Odd-numbered devices use packed rings. The guest is not shut down: its devices keep their rings at the end.',
    ],
  });
}
