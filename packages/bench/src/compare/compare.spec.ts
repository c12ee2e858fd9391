import { nanoseconds, platformNamed, type Request } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import { expect, it } from 'vitest';
import { RequestList } from '../workloads/request-list.ts';
import { workload } from '../workloads/workload.ts';
import { compare } from './compare.ts';
import { Threads } from './threads.ts';

const requestsOf = (buffers: number): readonly Request[] => {
  const list = new RequestList();
  for (let time = 0; time < buffers; time++) {
    const wanted = { api: 'alloc_pages', pages: 1, bytes: 4096, owner: 'ring' } as const;
    list.free(nanoseconds(time), list.allocate(nanoseconds(time), wanted));
  }
  return list.requests;
};

/** State hashes of the runs from these placement seeds, where half of the conversions fail. */
async function hashesOf(faultSeed: number, seeds: readonly number[], threads?: Threads): Promise<string[]> {
  const input = {
    name: 'rings',
    workload: workload({ name: 'rings', description: 'Rings.', requests: requestsOf(40), notes: [] }),
    memory: freshBoot(64 * 2 ** 20),
    platform: platformNamed('snp'),
    policies: ['gfp-decrypted', 'first-fit+page+immediate'],
    seeds,
    faults: { seed: faultSeed, decrypt: 0.5, encrypt: 0.5, converted: 0.5, retries: 0 },
    notes: [],
  };
  const { policies } = await compare(input, threads === undefined ? {} : { threads });
  return policies.flatMap(({ runs }) => runs.map(({ stateHash }) => stateHash));
}

it('gives each run a fault seed of its own, one more than that of the run before, modulo 2^32', async () => {
  const [first, second] = await Promise.all([hashesOf(0xffffffff, [5]), hashesOf(0, [5])]);
  expect(first).not.toEqual(second);
  const both = await hashesOf(0xffffffff, [5, 5]);
  expect([both[0], both[2]]).toEqual(first);
  expect([both[1], both[3]]).toEqual(second);
});

it('has the same threads make the runs of one comparison after the other', async () => {
  const threads = new Threads(1);
  const all = [];
  for (const seed of [1, 2, 3]) all.push(await hashesOf(seed, [5, 6], threads));
  await threads.end();
  expect(all).toEqual(await Promise.all([1, 2, 3].map((seed) => hashesOf(seed, [5, 6]))));
});
