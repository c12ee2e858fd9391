/** The virtio devices of a guest, which are hot-plugged after boot. Assumed: half of them negotiate packed rings. */
import type { ParameterTable } from '../define.ts';
import type { Activity, Lease, Span } from '../timeline.ts';
import { HotPlug } from './hot-plug.ts';
import { streamBurst } from './swiotlb.ts';
import {
  MAX_RING_ENTRIES,
  probeVirtio,
  type RingLayout,
  type VirtioQueues,
  virtioBlk,
  virtioNet,
} from './virtio.ts';

interface VirtioDevicesOptions {
  readonly cpus: number;
  /** Queue pairs of each NIC, and most queues of each disk; 0: as many as CPUs. */
  readonly queues: number;
  readonly nics: number;
  readonly disks: number;
  readonly ringEntries: number;
}

/** Parameters of every workload with virtio devices. */
export const VIRTIO_TRAFFIC = {
  ringEntries: {
    default: 256,
    min: 2,
    max: MAX_RING_ENTRIES,
    isPowerOfTwo: true,
    about: 'entries of a ring',
  },
  bursts: {
    default: 60,
    min: 0,
    max: 10_000,
    about: 'bursts of traffic after boot; with one in four a device is unplugged or plugged in again',
  },
  maps: { default: 100, min: 0, max: 10_000, about: 'streaming mappings of a burst' },
} satisfies ParameterTable;

/** Parameters of a guest whose devices are virtio, with the defaults that differ between platforms. */
export const virtioGuestParameters = ({
  cpus,
  nics,
  disks,
}: Pick<VirtioDevicesOptions, 'cpus' | 'nics' | 'disks'>) =>
  ({
    cpus: { default: cpus, min: 1, max: 1024, about: 'CPUs' },
    nics: { default: nics, min: 0, max: 64, about: 'virtio NICs' },
    disks: { default: disks, min: 0, max: 256, about: 'virtio disks' },
    queues: {
      default: 0,
      min: 0,
      max: 1024,
      about: 'queue pairs of each NIC, and most queues of each disk; 0: as many as CPUs',
    },
    ...VIRTIO_TRAFFIC,
  }) satisfies ParameterTable;

/** Assumed: a burst every 1 to 20 s. */
export const BURST_GAP_NS: Span = [1_000_000_000, 20_000_000_000];

/** What a platform makes for a device before its queues, and drops after them: its interrupts, for one. */
type BeforeQueues = (guest: Activity, pciFunction: number, queues: VirtioQueues) => readonly Lease[];

export class VirtioDevices {
  readonly #devices: readonly HotPlug[];

  constructor(
    { cpus, queues: offered, nics, disks, ringEntries }: VirtioDevicesOptions,
    beforeQueues: BeforeQueues = () => [],
  ) {
    const layout = (index: number): RingLayout => (index % 2 === 1 ? 'packed' : 'split');
    // A NIC gets rings for all pairs that it has (virtnet_find_vqs()), a disk for no more than there are CPUs (init_vq()).
    const pairs = offered === 0 ? cpus : offered;
    const ofDisk = Math.min(pairs, cpus);
    const queues = [
      ...Array.from({ length: disks }, (_, disk) =>
        virtioBlk(`vd${disk}`, ofDisk, ringEntries, layout(disk)),
      ),
      ...Array.from({ length: nics }, (_, nic) => virtioNet(`eth${nic}`, pairs, ringEntries, layout(nic))),
    ];
    this.#devices = queues.map((device, index) => {
      const probe = (guest: Activity) => {
        const before = beforeQueues(guest, index + 1, device);
        return [...probeVirtio(guest, device), ...before];
      };
      return new HotPlug(device.device, probe);
    });
  }

  boot(guest: Activity): void {
    for (const device of this.#devices) device.attach(guest);
  }

  /** One of the devices goes, or comes back. */
  replug(guest: Activity): void {
    if (this.#devices.length > 0) guest.dice.pick(this.#devices).plug(guest);
  }

  /** A burst of traffic on one of the devices that are there, if any is. */
  traffic(guest: Activity, maps: number): void {
    const present = this.#devices.filter(({ isPresent }) => isPresent);
    if (present.length === 0) return;
    const { name } = guest.dice.pick(present);
    streamBurst(guest, { device: name, kind: name.startsWith('virtio-net') ? 'net' : 'disk' }, maps);
  }
}
