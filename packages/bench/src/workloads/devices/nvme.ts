/** What the NVMe driver shares with a controller: queues, and a "descriptor" for each I/O that does not fit its command. */
import { GFP, PAGE_SIZE } from '@decpool/model';
import type { ParameterTable } from '../define.ts';
import { onCpu } from '../request-list.ts';
import type { Activity, Lease, Needed, Span } from '../timeline.ts';

/**
 * drivers/nvme/host/pci.c: an admin queue of NVME_AQ_DEPTH entries, then I/O queues of the depth that the
 * controller allows (CAP.MQES), up to io_queue_depth = 1024. An entry is 64 bytes in a submission queue, 16 in a
 * completion queue (include/linux/nvme.h).
 */
const NVME_AQ_DEPTH = 32;
export const NVME_IO_QUEUE_DEPTH = 1024;
const NVME_SQ_ENTRY_BYTES = 64;
const NVME_CQ_ENTRY_BYTES = 16;

interface NvmeQueues {
  /** Entries of an I/O queue. */
  readonly depth: number;
  readonly ioQueues: number;
  readonly api: 'dma_alloc_coherent' | 'alloc_pages_exact';
}

/** nvme_alloc_queue() for each queue: completions first, then submissions. In the order in which they were made. */
export function probeNvme(
  guest: Activity,
  name: string,
  { depth, ioQueues, api }: NvmeQueues,
): readonly Lease[] {
  const queue = (entries: number, owner: string) =>
    [NVME_CQ_ENTRY_BYTES, NVME_SQ_ENTRY_BYTES].map((entryBytes) =>
      guest.allocate({ api, bytes: entries * entryBytes, owner }),
    );
  const queues = queue(NVME_AQ_DEPTH, `${name} admin queue`);
  for (let io = 0; io < ioQueues; io++) queues.push(...queue(depth, `${name} I/O queue`));
  return queues;
}

/** prp_small_pool and prp_page_pool, nvme_setup_prp_pools() in drivers/nvme/host/pci.c. */
const SMALL_DESCRIPTOR_BYTES = 256;
/** Assumed: seven of ten I/Os are small enough for the small list: at most 32 pages, 128 KiB. */
const SMALL_PERCENT = 70;
/** Assumed: a completion takes 50 us to 2 ms. */
export const NVME_LATENCY_NS = [50_000, 2_000_000] as const;

/**
 * The descriptor of one I/O, made where nothing may sleep. The kernel's dma_pool packs small ones in a page as a slab does,
 * hence kmalloc. A large one is a page; `kmallocPercent` of them come from kmalloc.
 */
export function descriptor(guest: Activity, name: string, gfp: number, kmallocPercent = 0): Needed {
  const owner = `${name} descriptor`;
  if (guest.dice.between(1, 100) <= SMALL_PERCENT) {
    return { api: 'kmalloc', bytes: SMALL_DESCRIPTOR_BYTES, owner, gfp };
  }
  const api = guest.dice.between(1, 100) <= kmallocPercent ? 'kmalloc' : 'dma_alloc_coherent';
  return { api, bytes: PAGE_SIZE, owner, gfp };
}

/**
 * I/Os one after the other, `gap` ns apart; each descriptor is freed by the interrupt that completes its I/O. Queue i is for CPU i, and
 * so is its interrupt (irq_create_affinity_masks(), kernel/irq/affinity.c). Assumed: the CPUs take turns.
 */
export function nvmeReads(
  guest: Activity,
  name: string,
  count: number,
  { gap, ioQueues }: { readonly gap: Span; readonly ioQueues: number },
): void {
  const [least, most] = NVME_LATENCY_NS;
  for (let io = 0; io < count; io++) {
    guest.wait(gap);
    const needed = { ...descriptor(guest, name, GFP.GFP_ATOMIC), ...queueCpu(io, ioQueues) };
    guest.hold(needed, guest.dice.between(least, most), GFP.GFP_ATOMIC);
  }
}

/** The CPU of the queue of an I/O. */
export const queueCpu = (io: number, ioQueues: number) => onCpu(ioQueues === 0 ? 0 : io % ioQueues);

/** Assumed: a burst every 1 to 20 s, and in it an I/O every 2 to 40 us. */
const BURST_GAP_NS: Span = [1_000_000_000, 20_000_000_000];
const IO_GAP_NS: Span = [2_000, 40_000];

export const NVME_BURSTS = {
  bursts: { default: 60, min: 0, max: 10_000, about: 'bursts of I/O, each on one controller' },
  ios: { default: 60, min: 0, max: 10_000, about: 'I/Os of a burst that need a descriptor' },
} satisfies ParameterTable;

/** Controllers that stay. */
export class NvmeDrives {
  readonly #names: readonly string[];
  readonly #ioQueues: number;

  constructor(drives: number, ioQueues: number) {
    this.#names = Array.from({ length: drives }, (_, drive) => `nvme${drive}`);
    this.#ioQueues = ioQueues;
  }

  boot(guest: Activity): void {
    const queues = {
      depth: NVME_IO_QUEUE_DEPTH,
      ioQueues: this.#ioQueues,
      api: 'dma_alloc_coherent',
    } as const;
    for (const name of this.#names) probeNvme(guest, name, queues);
  }

  serve(guest: Activity, bursts: number, ios: number): void {
    if (this.#names.length === 0) return;
    for (let burst = 0; burst < bursts; burst++) {
      guest.wait(BURST_GAP_NS);
      const queues = { gap: IO_GAP_NS, ioQueues: this.#ioQueues };
      nvmeReads(guest.fork(), guest.dice.pick(this.#names), ios, queues);
    }
  }
}
