import { defineGuest } from './define.ts';
import { loadTdxGuest } from './devices/attestation.ts';
import { HotPlug } from './devices/hot-plug.ts';
import { NVME_IO_QUEUE_DEPTH, nvmeReads, probeNvme } from './devices/nvme.ts';
import { streamBurst } from './devices/swiotlb.ts';
import type { Activity, Span } from './timeline.ts';

/** Assumed: a burst every 1 to 20 s. */
const BURST_GAP_NS: Span = [1_000_000_000, 20_000_000_000];
/** Assumed: an I/O every 2 to 40 us in a burst. */
const IO_GAP_NS: Span = [2_000, 40_000];
/** Assumed: the module is loaded for 10 s to 2 min, and not for as long. */
const MODULE_NS: Span = [10_000_000_000, 120_000_000_000];

/** A TDX guest with passed-through NVMe: queues per CPU, descriptors made in atomic context, swiotlb, and the quote buffer. */
export const tdxVm = defineGuest({
  name: 'tdx-vm',
  description: 'A TDX guest with passed-through NVMe: queues per CPU, atomic descriptors, the quote buffer.',
  platform: 'tdx',
  // DC16es_v5 of Azure, a confidential VM under TDX: https://learn.microsoft.com/azure/virtual-machines/dcesv5-dcedsv5-series.
  memory: '64G',
  parameters: {
    cpus: { default: 16, min: 1, max: 1024, about: 'CPUs; each controller has an I/O queue per CPU' },
    nvmes: { default: 3, min: 1, max: 64, about: 'NVMe controllers that are passed through' },
    moduleLoads: {
      default: 4,
      min: 0,
      max: 10_000,
      about: 'times that the tdx-guest module is loaded and unloaded',
    },
    bursts: {
      default: 60,
      min: 0,
      max: 10_000,
      about: 'bursts of I/O after boot; one in eight unplugs a controller or plugs it in again instead',
    },
    ios: { default: 60, min: 0, max: 10_000, about: 'I/Os of a burst that need a descriptor' },
    maps: { default: 40, min: 0, max: 10_000, about: 'streaming mappings of a burst' },
  },
  run(guest, { cpus, nvmes, moduleLoads, bursts, ios, maps }) {
    loadAndUnload(guest.fork(), moduleLoads);
    const queues = { depth: NVME_IO_QUEUE_DEPTH, ioQueues: cpus, api: 'dma_alloc_coherent' } as const;
    const controllers = Array.from({ length: nvmes }, (_, index) => {
      const name = `nvme${index}`;
      return new HotPlug(name, (thread) => probeNvme(thread, name, queues));
    });
    for (const controller of controllers) controller.attach(guest);
    for (let burst = 0; burst < bursts; burst++) {
      guest.wait(BURST_GAP_NS);
      const controller = guest.dice.pick(controllers);
      if (guest.dice.between(1, 8) === 1) {
        controller.plug(guest);
      } else if (controller.isPresent) {
        // At the same time.
        nvmeReads(guest.fork(), controller.name, ios, { gap: IO_GAP_NS, ioQueues: cpus });
        streamBurst(guest.fork(), { device: controller.name, kind: 'disk' }, maps);
      }
    }
  },
  text: ({ seed, cpus, nvmes }) => ({
    description: `A TDX guest of ${cpus} CPUs with ${nvmes} passed-through NVMe controllers and a quote buffer.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}. Rates, lifetimes and the share of small descriptors are assumed.`,
      'The guest is not shut down: its controllers keep their queues at the end.',
    ],
  }),
});

function loadAndUnload(guest: Activity, times: number): void {
  for (let load = 0; load < times; load++) {
    const buffer = loadTdxGuest(guest);
    guest.wait(MODULE_NS);
    guest.freeAll([buffer]);
    guest.wait(MODULE_NS);
  }
}
