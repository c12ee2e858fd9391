import { type PlatformName, unknownName } from '@decpool/model';
import {
  BEST_FIT_BLOCK_SECONDS_DEFAULTS,
  bestFitBlockSeconds,
  bestFitRatio,
  firstFitRatio,
} from './best-fit-block-seconds.ts';
import { BUDDY_ADVERSARY_DEFAULTS, buddyAdversary, buddyAdversaryPages } from './buddy-adversary.ts';
import { ccaRealm } from './cca-realm.ts';
import { churn } from './churn.ts';
import { dmaBufHeap } from './dma-buf-heap.ts';
import {
  FIRST_FIT_ADVERSARY_DEFAULTS,
  firstFitAdversary,
  firstFitAdversaryRatio,
} from './first-fit-adversary.ts';
import { FRAG_MEMORY, frag } from './frag.ts';
import { hypervVm } from './hyperv-vm.ts';
import { itsStorm } from './its-storm.ts';
import type { KnownAnswer } from './known-answer.ts';
import { kvmSnp } from './kvm-snp.ts';
import { mixedDay } from './mixed-day.ts';
import { netvsc } from './netvsc.ts';
import { nvmeAtomic } from './nvme-atomic.ts';
import { tdxVm } from './tdx-vm.ts';
import type { Workload } from './workload.ts';

export interface WorkloadGenerator {
  readonly name: string;
  /** One or two short sentences, for `decpool workloads`. */
  readonly description: string;
  /** The platform that it models; undefined if its devices exist on several. */
  readonly platform?: PlatformName;
  /** The memory that it needs, as `--memory` takes it; undefined if any memory that is large enough will do. */
  readonly memory?: string;
  /** Figures that runs with the default settings must reach. */
  readonly expected?: readonly KnownAnswer[];
  /**
   * The workload with its default settings. Default seed: 1. An adversary uses no random numbers and makes the same
   * requests for every seed. Throws InputError for a bad seed.
   */
  generate(seed?: number): Workload;
}

const withSeed = (seed: number | undefined) => (seed === undefined ? {} : { seed });

const KNUTH: Pick<KnownAnswer, 'figure' | 'expected' | 'tolerance' | 'source'> = {
  figure: 'blocks',
  expected: buddyAdversaryPages(BUDDY_ADVERSARY_DEFAULTS) / BUDDY_ADVERSARY_DEFAULTS.pages,
  tolerance: 0,
  source: '1 + r / 2 with r = 9 rounds; Knuth, TAOCP 1, 2.5, exercise 41',
};

const ANY_FIT: Pick<KnownAnswer, 'figure' | 'expected' | 'tolerance' | 'source'> = {
  figure: 'block-seconds',
  expected: firstFitAdversaryRatio(FIRST_FIT_ADVERSARY_DEFAULTS),
  tolerance: 0,
  source:
    'n mu / (n + mu - 1) with n = 256 blocks and mu = 10, the longest over the shortest lifetime; first fit: at most mu + 3',
};

const USENIX = "Wrenger et al., USENIX ATC'23, after 100 rounds";

/** The kernel's buddy allocator, and a pool's private one. */
const BUDDY_STAYS: Pick<KnownAnswer, 'figure' | 'expected' | 'tolerance' | 'source'> = {
  figure: 'llfree-score',
  expected: 15.1,
  tolerance: 4,
  source: `Linux buddy: ${USENIX}`,
};

/** Every generated workload by name: the one place where they are listed. */
export const WORKLOADS: readonly WorkloadGenerator[] = [
  {
    name: 'netvsc',
    description: "A Hyper-V guest hot-adds, rebuilds and removes NICs. Buffer sizes are the kernel's.",
    platform: 'hyperv-vtom',
    generate: (seed) => netvsc(withSeed(seed)),
  },
  {
    name: 'hyperv-vm',
    description:
      'A Hyper-V guest from boot: hypercall pages, rings and NIC buffers, with hot-plug and suspend.',
    platform: 'hyperv-vtom',
    generate: (seed) => hypervVm(withSeed(seed)),
  },
  {
    name: 'kvm-snp',
    description:
      'A KVM guest under SEV-SNP: virtio rings for many CPUs, bounced traffic, attestation reports with certificates.',
    generate: (seed) => kvmSnp(withSeed(seed)),
  },
  {
    name: 'tdx-vm',
    description:
      'A TDX guest with passed-through NVMe: queues per CPU, atomic descriptors, the quote buffer.',
    platform: 'tdx',
    generate: (seed) => tdxVm(withSeed(seed)),
  },
  {
    name: 'cca-realm',
    description: 'An Arm CCA realm: GIC ITS tables, and virtio devices with one translation table each.',
    platform: 'cca',
    generate: (seed) => ccaRealm(withSeed(seed)),
  },
  {
    name: 'its-storm',
    description:
      'PCI functions come and go in waves. Each has an interrupt translation table of 256 bytes to 4 KiB.',
    platform: 'cca',
    generate: (seed) => itsStorm(withSeed(seed)),
  },
  {
    name: 'nvme-atomic',
    description: 'Bursts of NVMe descriptors in atomic context. The number in flight rises, then falls.',
    generate: (seed) => nvmeAtomic(withSeed(seed)),
  },
  {
    name: 'dma-buf-heap',
    description: 'Programs allocate, map and free buffers of the heap system_cc_shared: orders 8, 4 and 0.',
    generate: (seed) => dmaBufHeap(withSeed(seed)),
  },
  {
    name: 'mixed-day',
    description:
      'The devices of all platforms in one guest for 24 hours. The load follows the hour of the day.',
    generate: (seed) => mixedDay(withSeed(seed)),
  },
  {
    name: 'churn',
    description: 'Random allocations and frees of orders 0 to 6 in a steady state, to measure speed.',
    generate: (seed) => churn(withSeed(seed)),
  },
  {
    name: 'buddy-adversary',
    description: "Knuth's worst case for allocators of aligned powers of two. Its cost is known.",
    expected: [
      { policy: 'first-fit+block+never-return', ...KNUTH },
      { policy: 'buddy+block+never-return', ...KNUTH },
    ],
    generate: () => buddyAdversary(),
  },
  {
    name: 'first-fit-adversary',
    description:
      'One page stays in every filled block: close to the worst case of first fit in block-seconds.',
    expected: [
      { policy: 'first-fit+block+immediate', ...ANY_FIT },
      { policy: 'best-fit+block+immediate', ...ANY_FIT },
      { policy: 'buddy+block+immediate', ...ANY_FIT },
    ],
    generate: () => firstFitAdversary(),
  },
  {
    name: 'best-fit-block-seconds',
    description: 'Best fit spreads long-lived pages over many blocks. First fit puts them into one.',
    expected: [
      {
        policy: 'best-fit+block+immediate',
        figure: 'block-seconds',
        expected: bestFitRatio(BEST_FIT_BLOCK_SECONDS_DEFAULTS),
        tolerance: 0,
        source:
          'n mu / (F + mu - 1) with n = 32 blocks, F = 28 blocks of live pages at first, mu = 100,000; approaches n as mu grows',
      },
      {
        policy: 'first-fit+block+immediate',
        figure: 'block-seconds',
        expected: firstFitRatio(BEST_FIT_BLOCK_SECONDS_DEFAULTS),
        tolerance: 0,
        source: '(n + mu - 1) / (F + mu - 1) with the same n, F and mu; approaches 1 as mu grows',
      },
    ],
    generate: () => bestFitBlockSeconds(),
  },
  {
    name: 'frag',
    description:
      "LLFree's benchmark: fill memory, free half at random, then free and refill a tenth 100 times.",
    memory: FRAG_MEMORY,
    expected: [
      { policy: 'gfp-decrypted', ...BUDDY_STAYS },
      { policy: 'buddy+block+never-return', ...BUDDY_STAYS },
      {
        policy: 'llfree:8+block+never-return',
        figure: 'llfree-score',
        expected: 94.3,
        tolerance: 5,
        source: `LLFree: ${USENIX}`,
      },
    ],
    generate: (seed) => frag(withSeed(seed)),
  },
];

/** Throws InputError for a name that no workload has. */
export function workloadNamed(name: string): WorkloadGenerator {
  const found = WORKLOADS.find((generator) => generator.name === name);
  if (found !== undefined) return found;
  const known = WORKLOADS.map((generator) => generator.name);
  throw unknownName({ kind: 'workload', given: name, known, listedBy: 'decpool workloads' });
}
