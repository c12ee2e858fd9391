import { defineGuest, type ParameterTable, type Settings } from './define.ts';
import { bootKvmclock, loadTdxGuest, snpExtendedReport } from './devices/attestation.ts';
import { allocateBuffer, drawBufferBytes, type HeapBuffer, releaseBuffer } from './devices/dma-buf-heap.ts';
import { createItt } from './devices/gic-its.ts';
import {
  allocateHypercallPages,
  changeNic,
  connectVmbus,
  NIC_CHANGES,
  Nic,
  netvscChannels,
  openStorvsc,
  openUtilRings,
  storvscChannels,
} from './devices/hyperv.ts';
import { NVME_IO_QUEUE_DEPTH, nvmeReads, probeNvme } from './devices/nvme.ts';
import { vectorsOf } from './devices/virtio.ts';
import { VirtioDevices } from './devices/virtio-guest.ts';
import type { Activity, Lease, Span } from './timeline.ts';

const PARAMETERS = {
  cpus: { default: 8, min: 1, max: 1024, about: 'CPUs' },
  nics: { default: 2, min: 1, max: 64, about: 'NICs of each kind, netvsc and virtio' },
  disks: { default: 2, min: 1, max: 64, about: 'disks of each kind, and NVMe controllers' },
  functions: { default: 64, min: 0, max: 4096, about: 'PCI functions besides the virtio devices' },
  clients: { default: 3, min: 0, max: 1000, about: 'programs with buffers of the dma-buf heap' },
  maps: { default: 40, min: 0, max: 1000, about: 'streaming mappings in a minute of full load' },
  ios: { default: 20, min: 0, max: 1000, about: 'I/Os with a descriptor in a minute of full load' },
} satisfies ParameterTable;

type MixedDaySettings = Settings<typeof PARAMETERS>;

const SECOND_NS = 1_000_000_000;
const MINUTE_NS = 60 * SECOND_NS;
const HOUR_NS = 60 * MINUTE_NS;
const MINUTES = 24 * 60;
/** When the last things of the day begin, so that they are over by midnight. */
const EVENING_NS = (MINUTES - 1) * MINUTE_NS;

/** Load of each hour of the day in percent of the highest; assumed: a quiet night, an office day, a private evening. */
const LOAD = [20, 14, 10, 8, 8, 10, 18, 32, 52, 74, 90, 96, 88, 92, 100, 98, 94, 86, 74, 66, 58, 48, 38, 28];
const loadAt = (time: number): number => LOAD[Math.floor(time / HOUR_NS) % LOAD.length];

/** Assumed, at full load: from one event to the next of its kind; at half the load it takes twice as long. */
const REPORT_NS = 3 * MINUTE_NS;
const NIC_EVENT_NS = 20 * MINUTE_NS;
const BUFFER_NS = 10 * MINUTE_NS;
/** Assumed, at any load. */
const MODULE_NS: Span = [HOUR_NS / 2, 4 * HOUR_NS];
const FUNCTION_WAVE_NS: Span = [2 * HOUR_NS, 6 * HOUR_NS];
const IO_GAP_NS: Span = [2_000, 40_000];
/** Assumed: in one minute of a hundred a virtio device is unplugged, or plugged in again. */
const REPLUG_PERCENT = 1;
const OFFERED_CHANNELS = 16;
const BUFFERS_PER_CLIENT = 6;
const MAX_FUNCTION_VECTORS = 32;
/** PCI functions below are those of virtio devices. */
const FIRST_FUNCTION = 1024;
const ENTRY_BYTES = 8;

/**
 * The devices of all platforms in one guest for 24 hours. No machine has all of these. It shows a pool that is good at only
 * one of them. The LPI tables of an ITS are left out: their GFP_NOWAIT request can be served in a realm only.
 */
export const mixedDay = defineGuest({
  name: 'mixed-day',
  description:
    'The devices of all platforms in one guest for 24 hours. The load follows the hour of the day.',
  parameters: PARAMETERS,
  run(guest, settings) {
    const virtio = boot(guest, settings);
    serveTraffic(guest.fork(), virtio, settings);
    for (let nic = 0; nic < settings.nics; nic++) useNic(guest.fork(), `hv${nic}`, settings);
    attest(guest.fork());
    loadModules(guest.fork());
    plugFunctions(guest.fork(), settings);
    for (let client = 0; client < settings.clients; client++) useBuffers(guest.fork(), `client${client}`);
  },
  text: ({ seed }) => ({
    description:
      'The devices of all platforms in one guest for 24 hours: traffic by the hour, attestation reports, dma-buf buffers.',
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}. No machine has all of these devices. Rates, lifetimes and the load of each hour are assumed.`,
      'Traffic is a sample: a real machine makes thousands of mappings per second, this workload thousands per hour.',
      'The guest is not shut down: its devices keep their memory at midnight.',
    ],
  }),
});

function boot(guest: Activity, settings: MixedDaySettings): VirtioDevices {
  const { cpus, nics, disks } = settings;
  bootKvmclock(guest, cpus);
  for (let cpu = 0; cpu < cpus; cpu++) allocateHypercallPages(guest, cpu, 1);
  connectVmbus(guest);
  openUtilRings(guest);
  for (let disk = 0; disk < disks; disk++) {
    openStorvsc(guest, `scsi${disk}`, storvscChannels(cpus, OFFERED_CHANNELS));
    const queues = { depth: NVME_IO_QUEUE_DEPTH, ioQueues: cpus, api: 'dma_alloc_coherent' } as const;
    probeNvme(guest, `nvme${disk}`, queues);
  }
  const virtio = new VirtioDevices(
    { cpus, queues: 0, nics, disks, ringEntries: 256 },
    (thread, pciFunction, queues) => [createItt(thread, pciFunction, vectorsOf(queues), ENTRY_BYTES)],
  );
  virtio.boot(guest);
  return virtio;
}

/** Every minute a burst of mappings and one of descriptors, as large as the hour has it. */
function serveTraffic(
  guest: Activity,
  virtio: VirtioDevices,
  { cpus, disks, maps, ios }: MixedDaySettings,
): void {
  const { between } = guest.dice;
  for (let minute = 1; minute < MINUTES; minute++) {
    guest.waitUntil(minute * MINUTE_NS);
    if (between(1, 100) <= REPLUG_PERCENT) virtio.replug(guest);
    const load = loadAt(guest.now);
    virtio.traffic(guest, Math.round((maps * load) / 100));
    const queues = { gap: IO_GAP_NS, ioQueues: cpus };
    nvmeReads(guest.fork(), `nvme${between(0, disks - 1)}`, Math.round((ios * load) / 100), queues);
  }
}

/** Waits as long as something takes at full load, give or take a half, longer at less load, never past the evening. */
function waitByLoad(guest: Activity, atFullLoad: number): void {
  const around = guest.dice.between(Math.floor(atFullLoad / 2), Math.floor((3 * atFullLoad) / 2));
  guest.waitUntil(Math.min(guest.now + Math.floor((around * 100) / loadAt(guest.now)), EVENING_NS));
}

/** A NIC that is there from boot on, and then is changed, or removed and added. */
function useNic(guest: Activity, name: string, { cpus }: MixedDaySettings): void {
  const { dice } = guest;
  const channels = netvscChannels(cpus, OFFERED_CHANNELS);
  const nic = new Nic(name, channels);
  nic.add(guest);
  for (;;) {
    waitByLoad(guest, NIC_EVENT_NS);
    if (guest.now >= EVENING_NS) return;
    if (!nic.isPresent) nic.add(guest);
    else if (dice.between(1, 2) === 1) nic.detach(guest);
    else changeNic(guest, nic, dice.pick(NIC_CHANGES), channels);
  }
}

function attest(guest: Activity): void {
  for (;;) {
    waitByLoad(guest, REPORT_NS);
    if (guest.now >= EVENING_NS) return;
    snpExtendedReport(guest);
  }
}

/** A module that is loaded in the evening is unloaded before midnight. */
function loadModules(guest: Activity): void {
  const { between } = guest.dice;
  for (;;) {
    guest.wait(MODULE_NS);
    if (guest.now >= EVENING_NS) return;
    const buffer = loadTdxGuest(guest);
    guest.waitUntil(Math.min(guest.now + between(...MODULE_NS), EVENING_NS));
    guest.freeAll([buffer]);
  }
}

/** A part of the functions goes, and is made up for by the next wave; at midnight they are there. */
function plugFunctions(guest: Activity, { functions }: MixedDaySettings): void {
  const { between } = guest.dice;
  const tables: (Lease | undefined)[] = [];
  for (let isFirst = true; guest.now < EVENING_NS; isFirst = false) {
    for (let index = 0; index < functions; index++) {
      const table = tables[index];
      if (table !== undefined && between(1, 2) === 1) {
        guest.freeAll([table]);
        tables[index] = undefined;
      } else if (table === undefined && (isFirst || between(1, 4) > 1)) {
        const vectors = between(1, MAX_FUNCTION_VECTORS);
        tables[index] = createItt(guest, FIRST_FUNCTION + index, vectors, ENTRY_BYTES);
      }
    }
    guest.wait(FUNCTION_WAVE_NS);
  }
}

/** More buffers while there is more to do, none from midnight on. */
function useBuffers(guest: Activity, client: string): void {
  const { between } = guest.dice;
  const held: HeapBuffer[] = [];
  const giveBack = () => releaseBuffer(guest, held.splice(between(0, held.length - 1), 1)[0]);
  for (;;) {
    waitByLoad(guest, BUFFER_NS);
    if (guest.now >= EVENING_NS) break;
    const isFull = held.length === BUFFERS_PER_CLIENT;
    if (isFull || (held.length > 0 && between(1, 100) > loadAt(guest.now))) giveBack();
    else held.push(allocateBuffer(guest, client, drawBufferBytes(guest), between(1, 2) === 1));
  }
  while (held.length > 0) giveBack();
}
