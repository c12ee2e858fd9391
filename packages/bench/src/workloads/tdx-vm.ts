import { loadTdxGuest } from './devices/attestation.ts';
import { NVME_IO_QUEUE_DEPTH, nvmeReads, probeNvme } from './devices/nvme.ts';
import { streamBurst } from './devices/swiotlb.ts';
import { dice, wholeNumber } from './random.ts';
import { Activity, type Lease, type Span, Timeline } from './timeline.ts';
import { type Workload, workload } from './workload.ts';

export interface TdxVmOptions {
  readonly seed: number;
  /** An I/O queue of each controller per CPU. */
  readonly cpus: number;
  /** NVMe controllers that are passed through. */
  readonly nvmes: number;
  /** How often the tdx-guest module is loaded and unloaded. */
  readonly moduleLoads: number;
  /** Bursts of I/O after boot; one in eight comes with a controller that is unplugged or plugged in again. */
  readonly bursts: number;
  /** I/Os of a burst that need a descriptor, and mappings of a burst. */
  readonly ios: number;
  readonly maps: number;
}

export const TDX_VM_DEFAULTS: TdxVmOptions = {
  seed: 1,
  cpus: 16,
  nvmes: 3,
  moduleLoads: 4,
  bursts: 60,
  ios: 60,
  maps: 40,
};

/** Assumed: a burst every 1 to 20 s. */
const BURST_GAP_NS: Span = [1_000_000_000, 20_000_000_000];
/** Assumed: an I/O every 2 to 40 us in a burst. */
const IO_GAP_NS: Span = [2_000, 40_000];
/** Assumed: the module is loaded for 10 s to 2 min, and not for as long. */
const MODULE_NS: Span = [10_000_000_000, 120_000_000_000];

/**
 * A TDX guest with NVMe controllers passed through: queues for each CPU, a descriptor per large I/O that is made where
 * nothing may sleep, data through swiotlb, and the buffer that quotes are read from.
 * Throws InputError for settings out of range.
 */
export function tdxVm(options: Partial<TdxVmOptions> = {}): Workload {
  const settings = { ...TDX_VM_DEFAULTS, ...options };
  check(settings);
  const { seed, cpus, nvmes, bursts, moduleLoads } = settings;
  const timeline = new Timeline();
  const guest = new Activity(timeline, dice(seed));
  loadAndUnload(guest.fork(), moduleLoads);
  const slots = Array.from({ length: nvmes }, (_, index) => new Controller(`nvme${index}`, cpus));
  for (const controller of slots) controller.plug(guest);
  for (let burst = 0; burst < bursts; burst++) {
    guest.wait(BURST_GAP_NS);
    const controller = guest.dice.pick(slots);
    if (guest.dice.between(1, 8) === 1) controller.plug(guest);
    else if (controller.isPresent) readAndMap(guest, controller.name, settings);
  }
  return workload({
    name: 'tdx-vm',
    description: `A TDX guest of ${cpus} CPUs with ${nvmes} passed-through NVMe controllers and a quote buffer.`,
    requests: timeline.requests(),
    notes: [
      `Generated from the kernel's sizes, not recorded: seed ${seed}. Rates, lifetimes and the share of small descriptors are assumed.`,
      'The guest is not shut down: its controllers keep their queues at the end.',
    ],
  });
}

function check(settings: TdxVmOptions): void {
  wholeNumber('cpus', settings.cpus, 1, 1024);
  wholeNumber('nvmes', settings.nvmes, 1, 64);
  wholeNumber('moduleLoads', settings.moduleLoads, 0, 10_000);
  wholeNumber('bursts', settings.bursts, 0, 10_000);
  wholeNumber('ios', settings.ios, 0, 10_000);
  wholeNumber('maps', settings.maps, 0, 10_000);
}

class Controller {
  readonly name: string;
  readonly #ioQueues: number;
  /** None while the controller is unplugged. */
  #queues: readonly Lease[] = [];

  constructor(name: string, ioQueues: number) {
    this.name = name;
    this.#ioQueues = ioQueues;
  }

  get isPresent(): boolean {
    return this.#queues.length > 0;
  }

  /** In, or out when it is in. */
  plug(guest: Activity): void {
    if (this.isPresent) {
      guest.freeAll(this.#queues);
      this.#queues = [];
    } else {
      const queues = {
        depth: NVME_IO_QUEUE_DEPTH,
        ioQueues: this.#ioQueues,
        api: 'dma_alloc_coherent',
      } as const;
      this.#queues = probeNvme(guest, this.name, queues);
    }
  }
}

/** Descriptors and mappings of a controller at the same time. */
function readAndMap(guest: Activity, name: string, { ios, maps }: TdxVmOptions): void {
  nvmeReads(guest.fork(), name, ios, IO_GAP_NS);
  streamBurst(guest.fork(), { device: name, kind: 'disk' }, maps);
}

function loadAndUnload(guest: Activity, times: number): void {
  for (let load = 0; load < times; load++) {
    const buffer = loadTdxGuest(guest);
    guest.wait(MODULE_NS);
    guest.freeAll([buffer]);
    guest.wait(MODULE_NS);
  }
}
