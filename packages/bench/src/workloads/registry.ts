import { unknownName } from '@decpool/model/internal';
import { bestFitBlockSeconds } from './best-fit-block-seconds.ts';
import { bounceLoad } from './bounce-load.ts';
import { buddyAdversary } from './buddy-adversary.ts';
import { ccaRealm } from './cca-realm.ts';
import { churn } from './churn.ts';
import type { WorkloadGenerator } from './define.ts';
import { dmaBufHeap } from './dma-buf-heap.ts';
import { fileChurn } from './file-churn.ts';
import { firstFitAdversary } from './first-fit-adversary.ts';
import { frag } from './frag.ts';
import { hypervVm } from './hyperv-vm.ts';
import { itsStorm } from './its-storm.ts';
import { kvmSnp } from './kvm-snp.ts';
import { mixedDay } from './mixed-day.ts';
import { netvsc } from './netvsc.ts';
import { nvme } from './nvme.ts';
import { nvmeAtomic } from './nvme-atomic.ts';
import { tdxVm } from './tdx-vm.ts';
import { virtioBlkDevices } from './virtio-blk.ts';
import { virtioNetDevices } from './virtio-net.ts';

/** Every generated workload, in the order in which they are listed. */
export const WORKLOADS: readonly WorkloadGenerator[] = [
  netvsc,
  hypervVm,
  kvmSnp,
  tdxVm,
  ccaRealm,
  virtioNetDevices,
  virtioBlkDevices,
  nvme,
  fileChurn,
  bounceLoad,
  itsStorm,
  nvmeAtomic,
  dmaBufHeap,
  mixedDay,
  churn,
  buddyAdversary,
  firstFitAdversary,
  bestFitBlockSeconds,
  frag,
];

/** Throws InputError for a name that no workload has. */
export function workloadNamed(name: string): WorkloadGenerator {
  const found = WORKLOADS.find((generator) => generator.name === name);
  if (found !== undefined) return found;
  const known = WORKLOADS.map((generator) => generator.name);
  throw unknownName({ kind: 'workload', given: name, known, listedBy: 'decpool workloads' });
}
