import { type AllocationId, GFP, nanoseconds, PAGE_SIZE } from '@decpool/model';
import { MAX_CPU, pagesFor } from '@decpool/model/internal';
import { defineWorkload, SEED } from './define.ts';
import { dice, weighted } from './random.ts';
import { onCpu, RequestList } from './request-list.ts';

const SECOND_NS = 1_000_000_000;
/** Assumed: devices are busy only after drivers have set up their rings. */
const STARTS_NS = 20 * SECOND_NS;
const MIB = 2 ** 20;

/**
 * Bytes of disk I/O, and how often each comes, of 100: assumed. NVMe maps at most 252 KiB: swiotlb_max_mapping_size() takes a page off
 * for devices with dma_set_min_align_mask().
 */
const DISK_SIZES = weighted([
  [4096, 55],
  [16_384, 25],
  [65_536, 17],
  [252 * 1024, 3],
]);
/** I/Os of a CPU's queue that are outstanding: assumed. */
const DEPTH = 64;

interface Held {
  readonly allocation: AllocationId;
  readonly cpu: number;
}

/**
 * Devices under load: each CPU has posted receive buffers of a page, which end in the order in which they were mapped, and a queue of
 * disk I/Os, of which any may end next. What a policy takes from the same pool is missing to them: `hyperv-vm+bounce-load`. Time runs
 * slower than in such a guest: what counts is how often all slots change hands between two requests of a driver.
 */
export const bounceLoad = defineWorkload({
  name: 'bounce-load',
  description: 'Streaming maps hold part of the bounce buffers. It goes with a second workload.',
  parameters: {
    seed: SEED,
    mib: { default: 128, min: 1, max: 1024, unit: 'MiB', about: 'receive buffers that are mapped at a time' },
    seconds: { default: 60, min: 1, max: 86_400, unit: 's', about: 'how long it goes on, from second 20' },
    rate: {
      default: 1000,
      min: 1,
      max: 100_000,
      unit: 'per s',
      about: 'maps of each kind that are renewed in a second',
    },
    cpus: { default: 4, min: 1, max: MAX_CPU + 1, about: 'CPUs that map; each has an area of the slots' },
  },
  requests({ seed, mib, seconds, rate, cpus }) {
    const { between, pick } = dice(seed);
    const list = new RequestList();
    const map = (time: number, cpu: number, bytes: number, owner: string): Held => {
      const pages = pagesFor(bytes, Math.log2(PAGE_SIZE));
      const wanted = { api: 'dma_map', pages, bytes, owner, gfp: GFP.GFP_ATOMIC, ...onCpu(cpu) } as const;
      return { allocation: list.allocate(nanoseconds(time), wanted), cpu };
    };
    const receive = (time: number, cpu: number) => map(time, cpu, PAGE_SIZE, 'virtio-net eth9 map');
    const disk = (time: number, cpu: number) => map(time, cpu, pick(DISK_SIZES), 'nvme9 map');
    const unmap = (time: number, { allocation, cpu }: Held) =>
      list.free(nanoseconds(time), allocation, GFP.GFP_ATOMIC, cpu);

    const buffers = Math.ceil((mib * MIB) / PAGE_SIZE / cpus);
    const queues = Array.from({ length: cpus }, (_, cpu) => ({
      cpu,
      ios: Array.from({ length: DEPTH }, () => disk(STARTS_NS, cpu)),
      ring: Array.from({ length: buffers }, () => receive(STARTS_NS, cpu)),
      next: 0,
    }));
    const gap = Math.floor(SECOND_NS / rate);
    const end = STARTS_NS + seconds * rate * gap;
    for (let time = STARTS_NS + gap; time < end; time += gap) {
      const queue = queues[between(0, cpus - 1)];
      const { ring, ios, cpu } = queue;
      // As many of each: a disk I/O, then a packet.
      const io = between(0, DEPTH - 1);
      unmap(time, ios[io]);
      ios[io] = disk(time, cpu);
      unmap(time, ring[queue.next]);
      ring[queue.next] = receive(time, cpu);
      queue.next = (queue.next + 1) % buffers;
    }
    for (const { ios, ring, next } of queues) {
      for (const held of [...ios, ...ring.slice(next), ...ring.slice(0, next)]) unmap(end, held);
    }
    return list.requests;
  },
  text: ({ seed, mib, seconds, rate, cpus }) => ({
    description: `Receive buffers of ${mib} MiB and disk I/O from ${cpus} CPUs for ${seconds} s; ${rate} of each end and are mapped again in a second.`,
    notes: [
      `Generated, not recorded: seed ${seed}. Sizes, rates and lifetimes are assumed.`,
      'It makes no request for shared memory of its own: a map that finds no slots fails, while a kernel would try it again.',
    ],
  }),
});
