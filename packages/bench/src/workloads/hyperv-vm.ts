import { defineGuest } from './define.ts';
import { HotPlug } from './devices/hot-plug.ts';
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
import type { Span } from './timeline.ts';

/** Assumed: something happens to a device every second up to twice a minute, and a guest sleeps for up to an hour. */
const EVENT_GAP_NS: Span = [1_000_000_000, 30_000_000_000];
const SLEEP_NS: Span = [60_000_000_000, 3_600_000_000_000];

/** Assumed. A change of a NIC that is not there adds it. */
const EVENTS = weighted([
  ['suspend', 1],
  ['plug a disk', 3],
  ['plug a NIC', 8],
  ['change a NIC', 8],
]);

/**
 * A Hyper-V isolated guest from boot on. NICs and disks are hot-added and removed, and NICs are changed. Now and then the
 * guest hibernates: every ring and every buffer is dropped and made again.
 */
export const hypervVm = defineGuest({
  name: 'hyperv-vm',
  description: 'A Hyper-V guest from boot: rings and NIC buffers, with hot-plug and suspend.',
  platform: 'hyperv-vtom',
  // DC16as_v5 of Azure, a confidential VM behind a paravisor: https://learn.microsoft.com/azure/virtual-machines/dcasv5-dcadsv5-series.
  memory: '64G',
  parameters: {
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
      default: 0,
      min: 0,
      max: 2,
      unit: 'pages',
      about:
        "shared arguments of a CPU's hypercalls: 0 with a paravisor, as on hyperv-vtom; in an SNP or TDX guest without one 1, in a VTL 2",
    },
    confidential: {
      default: 0,
      min: 0,
      max: 1,
      about:
        '1: the paravisor offers NICs and disks over confidential VMBus channels (Linux 6.19). Their rings and buffers stay private; no request is made for them',
    },
    events: {
      default: 60,
      min: 0,
      max: 10_000,
      about: 'events after boot: devices come, go and change, and the guest sleeps',
    },
  },
  run(guest, { cpus, offeredChannels, hypercallPages, confidential, events, ...counts }) {
    const { dice } = guest;
    const channels = netvscChannels(cpus, offeredChannels);
    const seen = (devices: number) => ({ length: confidential === 1 ? 0 : devices });
    const nics = Array.from(seen(counts.nics), (_, nic) => new Nic(`eth${nic}`, channels));
    const disks = Array.from(seen(counts.disks), (_, disk) => {
      const name = `scsi${disk}`;
      return new HotPlug(name, () => openStorvsc(guest, name, storvscChannels(cpus, offeredChannels)));
    });
    if (hypercallPages > 0) {
      for (let cpu = 0; cpu < cpus; cpu++) allocateHypercallPages(guest, cpu, hypercallPages);
    }
    connectVmbus(guest);
    let utilRings = openUtilRings(guest);
    for (const disk of disks) disk.attach(guest);
    for (const nic of nics) nic.add(guest);

    /** vmbus_bus_suspend(), drivers/hv/vmbus_drv.c. The monitor pages stay, and since Linux 6.4 the memory of hypercalls. */
    const suspend = () => {
      const present = [...nics, ...disks].filter(({ isPresent }) => isPresent);
      for (const device of present) device.detach(guest);
      guest.freeAll(utilRings);
      guest.wait(SLEEP_NS);
      utilRings = openUtilRings(guest);
      for (const disk of disks) if (present.includes(disk)) disk.attach(guest);
      for (const nic of nics) if (present.includes(nic)) nic.attach(guest);
    };

    for (let event = 0; event < events; event++) {
      guest.wait(EVENT_GAP_NS);
      const kind = dice.pick(EVENTS);
      if (kind === 'suspend') suspend();
      else if (kind === 'plug a disk') {
        if (disks.length > 0) dice.pick(disks).plug(guest);
      } else if (nics.length > 0) {
        const nic = dice.pick(nics);
        if (!nic.isPresent) nic.add(guest);
        else if (kind === 'plug a NIC') nic.detach(guest);
        else changeNic(guest, nic, dice.pick(NIC_CHANGES), channels);
      }
    }
  },
  text: ({ seed, cpus, nics, disks, confidential, events }) => ({
    description: `A Hyper-V guest of ${cpus} CPUs with ${nics} NICs and ${disks} disks${confidential === 1 ? ' on confidential channels' : ''}: hot-plug, NIC changes, suspend and resume.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}, ${events} events. The kind and the time of each event are random, from assumed distributions.`,
      'The guest is not shut down: its devices keep their memory at the end.',
      'Not modelled: streaming DMA.',
    ],
  }),
});
