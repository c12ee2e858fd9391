import { InputError } from '@decpool/model';
import { churn } from './churn.ts';
import { netvsc } from './netvsc.ts';
import type { Workload } from './workload.ts';

export interface WorkloadGenerator {
  readonly name: string;
  /** One sentence, for a list of what there is. */
  readonly description: string;
  /** The workload with its default settings and this seed, or the default seed. Throws InputError for a bad seed. */
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
    name: 'churn',
    description: 'Allocations and frees of mixed orders in a steady state; for measuring speed.',
    generate: (seed) => churn(withSeed(seed)),
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
