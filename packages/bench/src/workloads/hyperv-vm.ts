import { GFP, GFP_KERNEL } from '@decpool/model';
import { defineWorkload, type ParameterTable, SEED, type Settings } from './define.ts';
import {
  allocateHypercallPages,
  changeNic,
  connectVmbus,
  MAX_NETVSC_CHANNELS,
  NIC_CHANGES,
  Nic,
  netvscChannels,
  openStorvsc,
  openUtilRings,
  storvscChannels,
} from './devices/hyperv.ts';
import { weighted } from './random.ts';
import { type Activity, guestRequests, type Lease, type Span } from './timeline.ts';

const PARAMETERS = {
  seed: SEED,
  cpus: {
    default: 16,
    min: 1,
    max: 1024,
    about: 'CPUs; the channels of every device follow from their number',
  },
  nics: { default: 2, min: 1, max: 64, about: 'synthetic network adapters' },
  disks: { default: 2, min: 0, max: 64, about: 'SCSI controllers' },
  offeredChannels: {
    default: 64,
    min: 1,
    max: MAX_NETVSC_CHANNELS,
    about: 'channels that the host offers for a NIC, and for a controller beyond its first',
  },
  hypercallPages: {
    default: 1,
    min: 1,
    max: 2,
    unit: 'pages',
    about: "arguments of a CPU's hypercalls: 1 for input; 2 in a VTL, which has one for output too",
  },
  events: {
    default: 60,
    min: 0,
    max: 10_000,
    about: 'events after boot: devices come, go and change, and the guest sleeps',
  },
} satisfies ParameterTable;

type HypervVmSettings = Settings<typeof PARAMETERS>;

/** Assumed: something happens to a device every second up to twice a minute, and a guest sleeps for up to an hour. */
const EVENT_GAP_NS: Span = [1_000_000_000, 30_000_000_000];
const SLEEP_NS: Span = [60_000_000_000, 3_600_000_000_000];

/** Assumed; one that would change a NIC which is not there adds it. */
const EVENTS = weighted([
  ['suspend', 1],
  ['plug a disk', 3],
  ['plug a NIC', 8],
  ['change a NIC', 8],
]);

/**
 * A Hyper-V isolated guest from boot on: vmbus, hypercall pages, utility services, disks and NICs. The channels follow from
 * its CPUs. NICs and disks are hot-added and removed, and NICs are changed. Now and then the guest hibernates: every ring,
 * every buffer and the hypercall pages are dropped and made again.
 */
export const hypervVm = defineWorkload({
  name: 'hyperv-vm',
  description:
    'A Hyper-V guest from boot: hypercall pages, rings and NIC buffers, with hot-plug and suspend.',
  platform: 'hyperv-vtom',
  parameters: PARAMETERS,
  requests: (settings) =>
    guestRequests(settings.seed, (guest) => {
      const vm = new Vm(guest, settings);
      vm.boot();
      for (let event = 0; event < settings.events; event++) vm.event();
    }),
  text: ({ seed, cpus, nics, disks, events }) => ({
    description: `A Hyper-V guest of ${cpus} CPUs with ${nics} NICs and ${disks} disks: hot-plug, NIC changes, suspend and resume.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}, ${events} events. The kind and the time of each event are random, from assumed distributions.`,
      'The guest is not shut down: its devices keep their memory at the end.',
      'Hypercall pages are shared only in guests without a paravisor. Kernels since 6.4 keep them during a suspend; this workload frees them.',
      'Not modelled: streaming DMA.',
    ],
  }),
});

interface Disk {
  readonly name: string;
  /** None while the controller is removed. */
  rings: readonly Lease[];
}

class Vm {
  readonly #guest: Activity;
  readonly #settings: HypervVmSettings;
  /** Of a NIC that was just added. */
  readonly #channels: number;
  readonly #nics: readonly Nic[];
  readonly #disks: readonly Disk[];
  #utilRings: readonly Lease[] = [];
  /** Of the first CPU, which no suspend takes offline. */
  #bootCpuPages: readonly Lease[] = [];
  /** Of the other CPUs. */
  #otherCpusPages: readonly Lease[] = [];

  constructor(guest: Activity, settings: HypervVmSettings) {
    this.#guest = guest;
    this.#settings = settings;
    this.#channels = netvscChannels(settings.cpus, settings.offeredChannels);
    this.#nics = Array.from({ length: settings.nics }, (_, nic) => new Nic(`eth${nic}`, this.#channels));
    this.#disks = Array.from({ length: settings.disks }, (_, disk) => ({ name: `scsi${disk}`, rings: [] }));
  }

  boot(): void {
    const guest = this.#guest;
    this.#onlineCpus(GFP_KERNEL);
    connectVmbus(guest);
    this.#utilRings = openUtilRings(guest);
    for (const disk of this.#disks) this.#open(disk);
    for (const nic of this.#nics) nic.add(guest);
  }

  event(): void {
    const { dice } = this.#guest;
    this.#guest.wait(EVENT_GAP_NS);
    switch (dice.pick(EVENTS)) {
      case 'suspend':
        this.#suspend();
        break;
      case 'plug a disk':
        this.#plugDisk();
        break;
      case 'plug a NIC':
        this.#plugNic(dice.pick(this.#nics));
        break;
      case 'change a NIC':
        this.#changeNic(dice.pick(this.#nics));
        break;
    }
  }

  /** `gfp` is what the first CPU starts with; the others are brought up where it may sleep. */
  #onlineCpus(gfp: number): void {
    const { cpus, hypercallPages } = this.#settings;
    this.#bootCpuPages = [allocateHypercallPages(this.#guest, 0, hypercallPages, gfp)];
    this.#otherCpusPages = Array.from({ length: cpus - 1 }, (_, index) =>
      allocateHypercallPages(this.#guest, index + 1, hypercallPages),
    );
  }

  #open(disk: Disk): void {
    const { cpus, offeredChannels } = this.#settings;
    disk.rings = openStorvsc(this.#guest, disk.name, storvscChannels(cpus, offeredChannels));
  }

  #close(disk: Disk): void {
    this.#guest.freeAll(disk.rings);
    disk.rings = [];
  }

  #plugNic(nic: Nic): void {
    if (nic.isPresent) nic.detach(this.#guest);
    else nic.add(this.#guest);
  }

  #changeNic(nic: Nic): void {
    if (nic.isPresent) changeNic(this.#guest, nic, this.#guest.dice.pick(NIC_CHANGES), this.#channels);
    else nic.add(this.#guest);
  }

  #plugDisk(): void {
    if (this.#disks.length === 0) return;
    const disk = this.#guest.dice.pick(this.#disks);
    if (disk.rings.length === 0) this.#open(disk);
    else this.#close(disk);
  }

  /**
   * Devices first, then all CPUs but the first, then that one with interrupts off; and back the other way round:
   * vmbus_bus_suspend(), drivers/hv/vmbus_drv.c, and hv_suspend(), arch/x86/hyperv/hv_init.c. The monitor pages stay.
   * So does the memory of hypercalls from Linux 6.4 on; before, hv_common_cpu_die() freed it.
   */
  #suspend(): void {
    const guest = this.#guest;
    const nics = this.#nics.filter(({ isPresent }) => isPresent);
    const disks = this.#disks.filter(({ rings }) => rings.length > 0);
    for (const nic of nics) nic.detach(guest);
    for (const disk of disks) this.#close(disk);
    guest.freeAll(this.#utilRings);
    guest.freeAll(this.#otherCpusPages);
    guest.freeAll(this.#bootCpuPages, GFP.GFP_ATOMIC);
    guest.wait(SLEEP_NS);
    this.#onlineCpus(GFP.GFP_ATOMIC);
    this.#utilRings = openUtilRings(guest);
    for (const disk of disks) this.#open(disk);
    for (const nic of nics) nic.attach(guest);
  }
}
