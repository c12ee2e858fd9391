import { allocationId, nanoseconds, platformNamed, type Request } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import { type Comparison, compare } from '../compare/compare.ts';
import { workload } from '../workloads/workload.ts';

/** For specs: what a report is made of, small enough to be read whole. */
export function tinyComparison(): Promise<Comparison> {
  const owner = 'nic0';
  const api = 'alloc_pages_exact';
  const requests: Request[] = [3, 600, 2000].map((pages, index) => ({
    kind: 'allocate',
    time: nanoseconds(index * 1e9),
    allocation: allocationId(index + 1),
    api,
    pages,
    bytes: pages * 4096,
    owner,
  }));
  requests.push({ kind: 'free', time: nanoseconds(3e9), allocation: allocationId(1) });
  return compare({
    name: 'tiny',
    workload: workload({
      name: 'tiny',
      description: 'Three buffers of a NIC.',
      requests,
      notes: ['made up'],
    }),
    memory: freshBoot(64 * 2 ** 20),
    platform: platformNamed('snp'),
    policies: ['gfp-decrypted', 'first-fit+block+immediate'],
    seeds: [1, 2, 3],
    notes: ['one of the buffers is more than the page allocator has in one piece'],
  });
}
