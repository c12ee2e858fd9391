import { BOOT_TABLES_NOTE, bootIts, createItt, MAX_ITT_ENTRY_BYTES } from './devices/gic-its.ts';
import { vectorsOf } from './devices/virtio.ts';
import {
  BURST_GAP_NS,
  checkVirtioGuest,
  VirtioDevices,
  type VirtioGuestOptions,
} from './devices/virtio-guest.ts';
import { dice, wholeNumber } from './random.ts';
import { Activity, Timeline } from './timeline.ts';
import { type Workload, workload } from './workload.ts';

export interface CcaRealmOptions extends VirtioGuestOptions {
  /** Bytes of an entry of an interrupt translation table; the ITS says. */
  readonly entryBytes: number;
}

export const CCA_REALM_DEFAULTS: CcaRealmOptions = {
  seed: 1,
  cpus: 16,
  nics: 4,
  disks: 8,
  ringEntries: 256,
  bursts: 60,
  maps: 100,
  entryBytes: 8,
};

/**
 * An Arm CCA realm. The tables of its interrupt controller are allocated at boot and never freed. Its virtio devices are
 * those of `kvm-snp`; each has an interrupt translation table that lives as long as the device.
 * Throws InputError for settings out of range.
 */
export function ccaRealm(options: Partial<CcaRealmOptions> = {}): Workload {
  const settings = { ...CCA_REALM_DEFAULTS, ...options };
  const { seed, cpus, nics, disks, bursts, maps, entryBytes } = settings;
  checkVirtioGuest(settings);
  wholeNumber('entryBytes', entryBytes, 1, MAX_ITT_ENTRY_BYTES);
  const timeline = new Timeline();
  const guest = new Activity(timeline, dice(seed));
  bootIts(guest, cpus);
  const devices = new VirtioDevices(settings, (thread, pciFunction, queues) => [
    createItt(thread, pciFunction, vectorsOf(queues), entryBytes),
  ]);
  devices.boot(guest);
  for (let burst = 0; burst < bursts; burst++) {
    guest.wait(BURST_GAP_NS);
    if (guest.dice.between(1, 4) === 1) devices.replug(guest);
    devices.traffic(guest, maps);
  }
  return workload({
    name: 'cca-realm',
    description: `An Arm CCA realm of ${cpus} CPUs: GIC ITS tables, ${nics} virtio NICs, ${disks} disks, bounced traffic.`,
    requests: timeline.requests(),
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}. One ITS; a vector per queue and one more per device. Sizes, rates and lifetimes of mappings are assumed.`,
      BOOT_TABLES_NOTE,
      'Odd-numbered devices use packed rings. The realm is not shut down: ITS tables stay, and devices keep their rings at the end.',
    ],
  });
}
