import { GFP } from '@decpool/model';
import { descriptor, NVME_IO_QUEUE_DEPTH, NVME_LATENCY_NS, probeNvme } from './devices/nvme.ts';
import { dice, wholeNumber } from './random.ts';
import { Activity, type Span, Timeline } from './timeline.ts';
import { type Workload, workload } from './workload.ts';

export interface NvmeAtomicOptions {
  readonly seed: number;
  /** I/O queues of the controller: memory that is shared before the first burst, and stays so until the last. */
  readonly ioQueues: number;
  /** Descriptors in flight in the largest burst, on average. */
  readonly concurrency: number;
  /** Bursts; concurrency grows from the first to the middle one and falls again. */
  readonly bursts: number;
  /** Percent of the 4096-byte descriptors that come from kmalloc. */
  readonly kmallocPercent: number;
  /** Percent of the I/Os with GFP_NOWAIT; all others have GFP_ATOMIC. */
  readonly nowaitPercent: number;
}

export const NVME_ATOMIC_DEFAULTS: NvmeAtomicOptions = {
  seed: 1,
  ioQueues: 8,
  concurrency: 1024,
  bursts: 12,
  kmallocPercent: 25,
  nowaitPercent: 10,
};

const CONTROLLER = 'nvme0';
/** Assumed: 10 to 500 ms of quiet between bursts, in which everything completes. */
const QUIET_NS: Span = [10_000_000, 500_000_000];
/** A burst lasts as many times its concurrency in I/Os: long enough to level out. */
const IOS_PER_CONCURRENT = 4;

/**
 * Descriptors of I/Os that come in bursts. They are allocated and freed in atomic context, so they need memory that is
 * shared already: a reserve. The number in flight rises from burst to burst, then falls. A policy that learns from the last
 * peak meets a higher one, and a policy that keeps too much memory shows it. The controller's queues come first and are freed
 * last; the memory that is shared beside them serves the first I/Os.
 * Throws InputError for settings out of range.
 */
export function nvmeAtomic(options: Partial<NvmeAtomicOptions> = {}): Workload {
  const settings = { ...NVME_ATOMIC_DEFAULTS, ...options };
  check(settings);
  const { seed, ioQueues, bursts, concurrency } = settings;
  const timeline = new Timeline();
  const guest = new Activity(timeline, dice(seed));
  const queues = probeNvme(guest, CONTROLLER, {
    depth: NVME_IO_QUEUE_DEPTH,
    ioQueues,
    api: 'dma_alloc_coherent',
  });
  for (let index = 0; index < bursts; index++) {
    guest.wait(QUIET_NS);
    burst(guest, concurrencyOf(index, settings), settings);
  }
  guest.wait(QUIET_NS);
  guest.freeAll(queues);
  return workload({
    name: 'nvme-atomic',
    description: `NVMe descriptors in atomic context: ${bursts} bursts, with up to about ${concurrency} in flight.`,
    requests: timeline.requests(),
    notes: [
      `Generated, not recorded: seed ${seed}. Descriptors have 256 or 4096 bytes, as in the driver. Rates and lifetimes are assumed.`,
      'A small descriptor is a kmalloc; the kernel packs them in a dma_pool.',
    ],
  });
}

function check(settings: NvmeAtomicOptions): void {
  wholeNumber('ioQueues', settings.ioQueues, 0, 1024);
  wholeNumber('concurrency', settings.concurrency, 1, 100_000);
  wholeNumber('bursts', settings.bursts, 1, 1000);
  wholeNumber('kmallocPercent', settings.kmallocPercent, 0, 100);
  wholeNumber('nowaitPercent', settings.nowaitPercent, 0, 100);
}

/** A straight line up to the middle burst, and down again. */
function concurrencyOf(burst: number, { bursts, concurrency }: NvmeAtomicOptions): number {
  const steps = Math.min(burst + 1, bursts - burst);
  return Math.ceil((concurrency * steps) / Math.ceil(bursts / 2));
}

/** By Little's law, I/Os that are a mean latency / concurrency apart keep that many in flight. */
function burst(
  guest: Activity,
  concurrency: number,
  { kmallocPercent, nowaitPercent }: NvmeAtomicOptions,
): void {
  const { between } = guest.dice;
  const [least, most] = NVME_LATENCY_NS;
  const gap = Math.floor((least + most) / 2 / concurrency);
  for (let io = 0; io < concurrency * IOS_PER_CONCURRENT; io++) {
    guest.wait([0, 2 * gap]);
    const gfp = between(1, 100) <= nowaitPercent ? GFP.GFP_NOWAIT : GFP.GFP_ATOMIC;
    guest.hold(descriptor(guest, CONTROLLER, gfp, kmallocPercent), between(least, most), GFP.GFP_ATOMIC);
  }
}
