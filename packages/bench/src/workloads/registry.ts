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
  /** One sentence, for a list of what there is. */
  readonly description: string;
  /** The platform that it models; none where its devices are found on several. */
  readonly platform?: PlatformName;
  /** Memory that it is made for, as `--memory` takes it; none where any that holds it does. */
  readonly memory?: string;
  /** What runs of it, as it is by default, must come to. */
  readonly expected?: readonly KnownAnswer[];
  /**
   * The workload with its default settings and this seed, or the default seed; an adversary draws nothing, and makes
   * the same requests for every seed. Throws InputError for a bad seed.
   */
  generate(seed?: number): Workload;
}

const withSeed = (seed: number | undefined) => (seed === undefined ? {} : { seed });

const KNUTH: Pick<KnownAnswer, 'figure' | 'expected' | 'tolerance' | 'source'> = {
  figure: 'blocks',
  expected: buddyAdversaryPages(BUDDY_ADVERSARY_DEFAULTS) / BUDDY_ADVERSARY_DEFAULTS.pages,
  tolerance: 0,
  source: '1 + r / 2 at r = 9; Knuth, TAOCP 1, 2.5, exercise 41',
};

const ANY_FIT: Pick<KnownAnswer, 'figure' | 'expected' | 'tolerance' | 'source'> = {
  figure: 'block-seconds',
  expected: firstFitAdversaryRatio(FIRST_FIT_ADVERSARY_DEFAULTS),
  tolerance: 0,
  source: 'n mu / (n + mu - 1) at n = 256, mu = 10; at most mu + 3',
};

const USENIX = "Wrenger et al., USENIX ATC'23, after 100 rounds";

/** The kernel's buddy allocator, and one that is private to a pool. */
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
    description: 'A Hyper-V guest whose NICs are hot-added, rebuilt and removed; sizes from the kernel.',
    platform: 'hyperv-vtom',
    generate: (seed) => netvsc(withSeed(seed)),
  },
  {
    name: 'hyperv-vm',
    description:
      'A Hyper-V guest from boot on: hypercall pages, rings and NIC buffers through hot-plug and suspend.',
    platform: 'hyperv-vtom',
    generate: (seed) => hypervVm(withSeed(seed)),
  },
  {
    name: 'kvm-snp',
    description:
      'A KVM guest under SEV-SNP: virtio rings for many CPUs, bounced traffic, reports with certificates.',
    generate: (seed) => kvmSnp(withSeed(seed)),
  },
  {
    name: 'tdx-vm',
    description:
      'A TDX guest with NVMe passed through: queues per CPU, atomic descriptors, the buffer for quotes.',
    platform: 'tdx',
    generate: (seed) => tdxVm(withSeed(seed)),
  },
  {
    name: 'cca-realm',
    description: 'An Arm CCA realm: tables of the interrupt controller, virtio devices with a table each.',
    platform: 'cca',
    generate: (seed) => ccaRealm(withSeed(seed)),
  },
  {
    name: 'its-storm',
    description: 'Many PCI functions that come and go in waves: tables of 256 bytes and a little more.',
    platform: 'cca',
    generate: (seed) => itsStorm(withSeed(seed)),
  },
  {
    name: 'nvme-atomic',
    description:
      'Bursts of NVMe descriptors where nothing may sleep, with a concurrency that grows and falls.',
    generate: (seed) => nvmeAtomic(withSeed(seed)),
  },
  {
    name: 'dma-buf-heap',
    description:
      'Programs that take, map and return buffers of the heap system_cc_shared: orders 8, 4 and 0.',
    generate: (seed) => dmaBufHeap(withSeed(seed)),
  },
  {
    name: 'mixed-day',
    description: 'A day of all of these in one guest, with a load that follows the clock.',
    generate: (seed) => mixedDay(withSeed(seed)),
  },
  {
    name: 'churn',
    description: 'Allocations and frees of mixed orders in a steady state; for measuring speed.',
    generate: (seed) => churn(withSeed(seed)),
  },
  {
    name: 'buddy-adversary',
    description: "Knuth's worst case for aligned powers of two; what it costs is known.",
    expected: [
      { policy: 'first-fit+block+never-return', ...KNUTH },
      { policy: 'buddy+block+never-return', ...KNUTH },
    ],
    generate: () => buddyAdversary(),
  },
  {
    name: 'first-fit-adversary',
    description:
      'A page stays in every block that was filled: nearly the worst of first fit in block-seconds.',
    expected: [
      { policy: 'first-fit+block+immediate', ...ANY_FIT },
      { policy: 'best-fit+block+immediate', ...ANY_FIT },
      { policy: 'buddy+block+immediate', ...ANY_FIT },
    ],
    generate: () => firstFitAdversary(),
  },
  {
    name: 'best-fit-block-seconds',
    description: 'Pages that best fit spreads over many blocks for ever, and first fit puts into one.',
    expected: [
      {
        policy: 'best-fit+block+immediate',
        figure: 'block-seconds',
        expected: bestFitRatio(BEST_FIT_BLOCK_SECONDS_DEFAULTS),
        tolerance: 0,
        source: 'n mu / (F + mu - 1) at n = 32, F = 28, mu = 100,000: n in the limit',
      },
      {
        policy: 'first-fit+block+immediate',
        figure: 'block-seconds',
        expected: firstFitRatio(BEST_FIT_BLOCK_SECONDS_DEFAULTS),
        tolerance: 0,
        source: '(n + mu - 1) / (F + mu - 1): 1 in the limit',
      },
    ],
    generate: () => bestFitBlockSeconds(),
  },
  {
    name: 'frag',
    description: "LLFree's benchmark: fill, free half at random, renew a tenth a hundred times.",
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
