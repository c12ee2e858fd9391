/**
 * The virtio devices of a guest: all are there from boot on, and then one or the other is unplugged and plugged in
 * again. Half of them negotiate packed rings; that is assumed, so that both layouts are seen.
 */
import { powerOfTwo, wholeNumber } from '../random.ts';
import type { Activity, Lease, Span } from '../timeline.ts';
import { streamBurst } from './swiotlb.ts';
import {
  MAX_RING_ENTRIES,
  probeVirtio,
  type RingLayout,
  type VirtioQueues,
  virtioBlk,
  virtioNet,
} from './virtio.ts';

export interface VirtioDevicesOptions {
  /** A queue pair of each NIC and a queue of each disk per CPU. */
  readonly cpus: number;
  readonly nics: number;
  readonly disks: number;
  /** Entries of a ring. */
  readonly ringEntries: number;
}

/** The settings of a guest whose devices are virtio. */
export interface VirtioGuestOptions extends VirtioDevicesOptions {
  readonly seed: number;
  /** Bursts of traffic after boot; one in four comes with a device that is unplugged or plugged in again. */
  readonly bursts: number;
  /** Streaming mappings of a burst. */
  readonly maps: number;
}

/** Assumed: a burst every 1 to 20 s. */
export const BURST_GAP_NS: Span = [1_000_000_000, 20_000_000_000];

/** Throws InputError for settings out of range. */
export function checkVirtioGuest(settings: VirtioGuestOptions): void {
  wholeNumber('cpus', settings.cpus, 1, 1024);
  wholeNumber('nics', settings.nics, 1, 64);
  wholeNumber('disks', settings.disks, 0, 256);
  powerOfTwo('ringEntries', settings.ringEntries, 2, MAX_RING_ENTRIES);
  wholeNumber('bursts', settings.bursts, 0, 10_000);
  wholeNumber('maps', settings.maps, 0, 10_000);
}

/** What a platform makes for a device before its queues, and drops after them: its interrupts, for one. */
export type BeforeQueues = (guest: Activity, pciFunction: number, queues: VirtioQueues) => readonly Lease[];

interface Device {
  readonly pciFunction: number;
  readonly queues: VirtioQueues;
  /** In the order in which the driver frees them; none while the device is unplugged. */
  leases: readonly Lease[];
}

export class VirtioDevices {
  readonly #devices: readonly Device[];
  readonly #beforeQueues: BeforeQueues;

  constructor(
    { cpus, nics, disks, ringEntries }: VirtioDevicesOptions,
    beforeQueues: BeforeQueues = () => [],
  ) {
    const layout = (index: number): RingLayout => (index % 2 === 1 ? 'packed' : 'split');
    const queues = [
      ...Array.from({ length: disks }, (_, disk) => virtioBlk(`vd${disk}`, cpus, ringEntries, layout(disk))),
      ...Array.from({ length: nics }, (_, nic) => virtioNet(`eth${nic}`, cpus, ringEntries, layout(nic))),
    ];
    this.#devices = queues.map((device, index) => ({ pciFunction: index + 1, queues: device, leases: [] }));
    this.#beforeQueues = beforeQueues;
  }

  boot(guest: Activity): void {
    for (const device of this.#devices) this.#probe(guest, device);
  }

  /** One of the devices goes, or comes back. */
  replug(guest: Activity): void {
    const device = guest.dice.pick(this.#devices);
    if (device.leases.length === 0) this.#probe(guest, device);
    else this.#remove(guest, device);
  }

  /** A burst of traffic on one of the devices that are there, if any is. */
  traffic(guest: Activity, maps: number): void {
    const present = this.#devices.filter(({ leases }) => leases.length > 0);
    if (present.length === 0) return;
    const { device } = guest.dice.pick(present).queues;
    streamBurst(guest, { device, kind: device.startsWith('virtio-net') ? 'net' : 'disk' }, maps);
  }

  #probe(guest: Activity, device: Device): void {
    const before = this.#beforeQueues(guest, device.pciFunction, device.queues);
    device.leases = [...probeVirtio(guest, device.queues), ...before];
  }

  #remove(guest: Activity, device: Device): void {
    guest.freeAll(device.leases);
    device.leases = [];
  }
}
