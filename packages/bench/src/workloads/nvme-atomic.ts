import { GFP } from '@decpool/model';
import { defineGuest } from './define.ts';
import { descriptor, NVME_IO_QUEUE_DEPTH, NVME_LATENCY_NS, probeNvme, queueCpu } from './devices/nvme.ts';
import type { Span } from './timeline.ts';

const CONTROLLER = 'nvme0';
/** Assumed: 10 to 500 ms of quiet between bursts, in which everything completes. */
const QUIET_NS: Span = [10_000_000, 500_000_000];
/** A burst lasts as many times its concurrency in I/Os: long enough to level out. */
const IOS_PER_CONCURRENT = 4;

/**
 * Bursts of descriptors, allocated and freed in atomic context: they need memory that is already shared. The number in flight
 * rises from burst to burst, then falls, so that a policy that learns from the last peak meets a higher one.
 */
export const nvmeAtomic = defineGuest({
  name: 'nvme-atomic',
  description: 'Bursts of NVMe descriptors in atomic context. The number in flight rises, then falls.',
  parameters: {
    ioQueues: {
      default: 8,
      min: 0,
      max: 1024,
      about: 'I/O queues of the controller; shared from before the first burst until after the last',
    },
    concurrency: {
      default: 1024,
      min: 1,
      max: 100_000,
      about: 'descriptors in flight in the largest burst, on average',
    },
    bursts: {
      default: 12,
      min: 1,
      max: 1000,
      about: 'bursts; concurrency grows from the first to the middle one, then falls',
    },
    kmallocPercent: {
      default: 25,
      min: 0,
      max: 100,
      unit: '%',
      about: 'share of the 4096-byte descriptors that come from kmalloc',
    },
    nowaitPercent: {
      default: 10,
      min: 0,
      max: 100,
      unit: '%',
      about: 'share of the I/Os with GFP_NOWAIT; the others have GFP_ATOMIC',
    },
  },
  run(guest, { ioQueues, concurrency, bursts, kmallocPercent, nowaitPercent }) {
    const { between } = guest.dice;
    const [least, most] = NVME_LATENCY_NS;
    const depth = NVME_IO_QUEUE_DEPTH;
    const queues = probeNvme(guest, CONTROLLER, { depth, ioQueues, api: 'dma_alloc_coherent' });
    for (let burst = 0; burst < bursts; burst++) {
      guest.wait(QUIET_NS);
      // A straight line up to the middle burst, and down again.
      const steps = Math.min(burst + 1, bursts - burst);
      const inFlight = Math.ceil((concurrency * steps) / Math.ceil(bursts / 2));
      // By Little's law, I/Os that are a mean latency / concurrency apart keep that many in flight.
      const gap = Math.floor((least + most) / 2 / inFlight);
      for (let io = 0; io < inFlight * IOS_PER_CONCURRENT; io++) {
        guest.wait([0, 2 * gap]);
        const gfp = between(1, 100) <= nowaitPercent ? GFP.GFP_NOWAIT : GFP.GFP_ATOMIC;
        const needed = { ...descriptor(guest, CONTROLLER, gfp, kmallocPercent), ...queueCpu(io, ioQueues) };
        guest.hold(needed, between(least, most), GFP.GFP_ATOMIC);
      }
    }
    guest.wait(QUIET_NS);
    guest.freeAll(queues);
  },
  text: ({ seed, bursts, concurrency }) => ({
    description: `NVMe descriptors in atomic context: ${bursts} bursts, with up to about ${concurrency} in flight.`,
    notes: [
      `Generated, not recorded: seed ${seed}. Descriptors have 256 or 4096 bytes, as in the driver. Rates and lifetimes are assumed.`,
      'A small descriptor is a kmalloc; the kernel packs them in a dma_pool.',
    ],
  }),
});
