import { InputError, type PlatformName } from '@decpool/model';
import { buddyAdversary } from './buddy-adversary.ts';
import { ccaRealm } from './cca-realm.ts';
import { churn } from './churn.ts';
import { dmaBufHeap } from './dma-buf-heap.ts';
import { hypervVm } from './hyperv-vm.ts';
import { itsStorm } from './its-storm.ts';
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
  /**
   * The workload with its default settings and this seed, or the default seed; an adversary draws nothing, and makes
   * the same requests for every seed. Throws InputError for a bad seed.
   */
  generate(seed?: number): Workload;
}

const withSeed = (seed: number | undefined) => (seed === undefined ? {} : { seed });

/** Every generated workload by name: the one place where they are listed. */
export const WORKLOADS: readonly WorkloadGenerator[] = [
  {
    name: 'netvsc',
    description: 'A Hyper-V guest whose NICs are hot-added, rebuilt and removed; sizes from the kernel.',
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
    generate: () => buddyAdversary(),
  },
];

/** Throws InputError that lists what there is. */
export function workloadNamed(name: string): WorkloadGenerator {
  const found = WORKLOADS.find((generator) => generator.name === name);
  if (found === undefined) {
    const available = WORKLOADS.map((generator) => generator.name).join(', ');
    throw new InputError(`unknown workload '${name}'; available: ${available}`);
  }
  return found;
}
