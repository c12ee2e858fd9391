import { type AllocationId, GFP, nanoseconds, PAGE_SIZE } from '@decpool/model';
import { MAX_CPU, pagesFor } from '@decpool/model/internal';
import { defineWorkload, SEED } from './define.ts';
import { DISK_SIZES } from './devices/swiotlb.ts';
import { dice } from './random.ts';
import { onCpu, RequestList } from './request-list.ts';

const SECOND_NS = 1_000_000_000;
/** Assumed: devices are busy only after drivers have set up their rings. */
const STARTS_NS = 20 * SECOND_NS;
const MIB = 2 ** 20;

/**
 * Devices under load: streaming maps from all CPUs hold a part of swiotlb's boot pool all the time, as receive buffers and many
 * outstanding disk requests do. Any of them may end next, so what lives lies scattered. What a policy takes from the same pool is
 * missing to them: `hyperv-vm+bounce-load`.
 */
export const bounceLoad = defineWorkload({
  name: 'bounce-load',
  description: 'Streaming maps hold part of the bounce buffers. It goes with a second workload.',
  parameters: {
    seed: SEED,
    mib: { default: 128, min: 1, max: 1024, unit: 'MiB', about: 'what is mapped at a time' },
    seconds: { default: 60, min: 1, max: 86_400, unit: 's', about: 'how long it goes on, from second 20' },
    rate: { default: 2000, min: 1, max: 100_000, unit: 'per s', about: 'maps that are renewed in a second' },
    cpus: { default: 16, min: 1, max: MAX_CPU + 1, about: 'CPUs that map; each has an area of the slots' },
  },
  requests({ seed, mib, seconds, rate, cpus }) {
    const { between, pick } = dice(seed);
    const list = new RequestList();
    const held: { readonly allocation: AllocationId; readonly bytes: number; readonly cpu: number }[] = [];
    let heldBytes = 0;
    const map = (time: number) => {
      const bytes = pick(DISK_SIZES);
      const pages = pagesFor(bytes, Math.log2(PAGE_SIZE));
      const cpu = between(0, cpus - 1);
      const wanted = { api: 'dma_map', pages, bytes, owner: 'nvme9 map', gfp: GFP.GFP_ATOMIC } as const;
      held.push({ allocation: list.allocate(nanoseconds(time), { ...wanted, ...onCpu(cpu) }), bytes, cpu });
      heldBytes += bytes;
    };
    const unmap = (time: number) => {
      const index = between(0, held.length - 1);
      const { allocation, bytes, cpu } = held[index];
      held[index] = held[held.length - 1];
      held.pop();
      heldBytes -= bytes;
      list.free(nanoseconds(time), allocation, GFP.GFP_ATOMIC, cpu);
    };
    const gap = Math.floor(SECOND_NS / rate);
    for (let renewed = 0; renewed <= seconds * rate; renewed++) {
      const time = STARTS_NS + renewed * gap;
      if (held.length > 0) unmap(time);
      while (heldBytes < mib * MIB) map(time);
    }
    const end = STARTS_NS + seconds * rate * gap;
    while (held.length > 0) unmap(end);
    return list.requests;
  },
  text: ({ seed, mib, seconds, rate, cpus }) => ({
    description: `Streaming maps of ${mib} MiB in all from ${cpus} CPUs for ${seconds} s; ${rate} of them end and are replaced in a second.`,
    notes: [
      `Generated, not recorded: seed ${seed}. Sizes, rates and lifetimes are assumed.`,
      'It makes no request for shared memory of its own: a map that finds no slots fails.',
    ],
  }),
});
