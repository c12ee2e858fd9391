import { defineWorkload, type ParameterTable, SEED, type Settings } from './define.ts';
import {
  changeNic,
  connectVmbus,
  MAX_NETVSC_CHANNELS,
  Nic,
  openStorvsc,
  openUtilRings,
} from './devices/hyperv.ts';
import { probeNvme } from './devices/nvme.ts';
import { type Activity, guestRequests, type Lease, type Span } from './timeline.ts';

/** An 8-CPU guest: 80 to 105 MiB allocated at peak, with all or most NICs present, and about 5 MiB with none. */
const PARAMETERS = {
  seed: SEED,
  nics: { default: 4, min: 1, max: 64, about: 'synthetic network adapters' },
  channels: {
    default: 8,
    min: 1,
    max: MAX_NETVSC_CHANNELS,
    about: "channels of a NIC when it is added; the kernel's own count follows the CPUs",
  },
  cycles: {
    default: 4,
    min: 1,
    max: 10_000,
    about: 'times that each NIC is added and removed again; at the end none is left',
  },
  storvscControllers: { default: 2, min: 0, max: 64, about: 'SCSI controllers' },
  storvscChannels: { default: 8, min: 1, max: 64, about: 'channels of each SCSI controller' },
  nvmes: { default: 3, min: 0, max: 64, about: 'most NVMe controllers that are plugged in at one time' },
} satisfies ParameterTable;

type NetvscSettings = Settings<typeof PARAMETERS>;

/** Queue depths of the NVMe controllers that are plugged in, and their I/O queues. */
const NVME_DEPTHS = [144, 256, 512, 1024];
const NVME_IO_QUEUES = 4;

/** Simulated time between two events of the guest. */
const EVENT_GAP_NS: Span = [50_000_000, 2_000_000_000];

/**
 * A Hyper-V guest whose network adapters come and go: the use case of a dynamic pool of decrypted memory. The rings of
 * storage and utility services are never freed, and NVMe queues live long. Each NIC allocates and frees 25 MiB when it is
 * added or removed, and when its MTU, its channels or its receive buffer change.
 */
export const netvsc = defineWorkload({
  name: 'netvsc',
  description: "A Hyper-V guest hot-adds, rebuilds and removes NICs. Buffer sizes are the kernel's.",
  platform: 'hyperv-vtom',
  parameters: PARAMETERS,
  requests: (settings) =>
    guestRequests(settings.seed, (guest) => {
      boot(guest, settings);
      run(guest, settings);
    }),
  text: ({ nics, channels, cycles, seed }) => ({
    description: `A Hyper-V guest that hot-adds and removes ${nics} NICs ${cycles} times each, and rebuilds them in between.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: ${nics} NICs of ${channels} channels, seed ${seed}. The order and the times of events are random.`,
      'Not modelled: hypercall pages, swiotlb and the streaming DMA of NVMe.',
    ],
  }),
});

/** What stays until the guest is shut down. */
function boot(guest: Activity, { storvscControllers, storvscChannels }: NetvscSettings): void {
  connectVmbus(guest);
  openUtilRings(guest);
  for (let scsi = 0; scsi < storvscControllers; scsi++) openStorvsc(guest, `scsi${scsi}`, storvscChannels);
}

/** Draws an event of one NIC until each NIC was added and removed `cycles` times. */
function run(guest: Activity, settings: NetvscSettings): void {
  const { channels, cycles } = settings;
  const nics = Array.from({ length: settings.nics }, (_, index) => ({
    nic: new Nic(`eth${index}`, channels),
    removalsLeft: cycles,
  }));
  const nvmes = new NvmeSlots(settings.nvmes);
  for (;;) {
    const busy = nics.filter(({ removalsLeft }) => removalsLeft > 0);
    if (busy.length === 0) return;
    guest.wait(EVENT_GAP_NS);
    const chosen = guest.dice.pick(busy);
    if (!chosen.nic.isPresent) {
      chosen.nic.add(guest);
    } else {
      // Half of the events of a NIC that is there remove it.
      const event = guest.dice.pick(['remove', 'remove', 'remove', 'mtu', 'channels', 'ringparam'] as const);
      if (event === 'remove') {
        chosen.removalsLeft--;
        chosen.nic.detach(guest);
      } else {
        changeNic(guest, chosen.nic, event, channels);
      }
    }
    nvmes.plug(guest);
  }
}

/** NVMe controllers that come and go with no regard to the NICs, so that lifetimes mix. */
class NvmeSlots {
  readonly #slots: number;
  readonly #present: (readonly Lease[])[] = [];
  #seen = 0;

  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Now and then a controller is plugged in, or, more rarely, the oldest is taken away. */
  plug(guest: Activity): void {
    const roll = guest.dice.between(1, 12);
    if (roll <= 2 && this.#present.length < this.#slots) {
      guest.wait(PLUG_NS);
      const depth = guest.dice.pick(NVME_DEPTHS);
      const queues = { depth, ioQueues: NVME_IO_QUEUES, api: 'alloc_pages_exact' } as const;
      this.#present.push(probeNvme(guest, `nvme${this.#seen++}`, queues));
    } else if (roll === 12) {
      guest.freeAll(this.#present.shift() ?? []);
    }
  }
}

/** From the hot-plug of a controller to its driver. */
const PLUG_NS: Span = [20_000, 400_000];
