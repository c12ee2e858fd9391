import { defineGuest } from './define.ts';
import {
  changeNic,
  connectVmbus,
  MAX_NETVSC_CHANNELS,
  NIC_CHANGES,
  Nic,
  openStorvsc,
  openUtilRings,
} from './devices/hyperv.ts';
import { probeNvme } from './devices/nvme.ts';
import type { Lease, Span } from './timeline.ts';

/** Queue depths of the NVMe controllers that are plugged in, and their I/O queues. */
const NVME_DEPTHS = [144, 256, 512, 1024];
const NVME_IO_QUEUES = 4;

/** Simulated time between two events of the guest. */
const EVENT_GAP_NS: Span = [50_000_000, 2_000_000_000];

/** From the hot-plug of a controller to its driver. */
const PLUG_NS: Span = [20_000, 400_000];

/**
 * A Hyper-V guest whose network adapters come and go: the use case of a dynamic pool of decrypted memory. Each NIC allocates
 * and frees 25 MiB when it is added or removed, and when its MTU, its channels or its receive buffer change.
 */
export const netvsc = defineGuest({
  name: 'netvsc',
  description: "A Hyper-V guest hot-adds, rebuilds and removes NICs. Buffer sizes are the kernel's.",
  platform: 'hyperv-vtom',
  // An 8-CPU guest: 80 to 105 MiB allocated at peak, with all or most NICs present, and about 5 MiB with none.
  parameters: {
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
  },
  run(guest, settings) {
    const { channels, cycles, nvmes, storvscControllers, storvscChannels } = settings;
    const { dice } = guest;
    connectVmbus(guest);
    openUtilRings(guest);
    for (let scsi = 0; scsi < storvscControllers; scsi++) openStorvsc(guest, `scsi${scsi}`, storvscChannels);

    const controllers: (readonly Lease[])[] = [];
    let seen = 0;
    /** Now and then an NVMe controller is plugged in, or, more rarely, the oldest is removed: lifetimes mix. */
    const plugNvme = () => {
      const roll = dice.between(1, 12);
      if (roll <= 2 && controllers.length < nvmes) {
        guest.wait(PLUG_NS);
        const depth = dice.pick(NVME_DEPTHS);
        const queues = { depth, ioQueues: NVME_IO_QUEUES, api: 'alloc_pages_exact' } as const;
        controllers.push(probeNvme(guest, `nvme${seen++}`, queues));
      } else if (roll === 12) {
        guest.freeAll(controllers.shift() ?? []);
      }
    };

    const nics = Array.from({ length: settings.nics }, (_, index) => ({
      nic: new Nic(`eth${index}`, channels),
      removalsLeft: cycles,
    }));
    for (;;) {
      const busy = nics.filter(({ removalsLeft }) => removalsLeft > 0);
      if (busy.length === 0) return;
      guest.wait(EVENT_GAP_NS);
      const chosen = dice.pick(busy);
      const { nic } = chosen;
      if (!nic.isPresent) {
        nic.add(guest);
      } else {
        // Half of the events of a NIC that is there remove it.
        const event = dice.pick(['remove', 'remove', 'remove', ...NIC_CHANGES] as const);
        if (event === 'remove') {
          chosen.removalsLeft--;
          nic.detach(guest);
        } else changeNic(guest, nic, event, channels);
      }
      plugNvme();
    }
  },
  text: ({ nics, channels, cycles, seed }) => ({
    description: `A Hyper-V guest that hot-adds and removes ${nics} NICs ${cycles} times each, and rebuilds them in between.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: ${nics} NICs of ${channels} channels, seed ${seed}. The order and the times of events are random.`,
      'Not modelled: hypercall pages, swiotlb and the streaming DMA of NVMe.',
    ],
  }),
});
