import { nanoseconds, platformNamed } from '@decpool/model';
import { freshBoot, policyNamed } from '@decpool/pool';
import { expect, it } from 'vitest';
import { RequestList } from '../workloads/request-list.ts';
import { runPolicy } from './run.ts';

async function bouncePoolOf(api: 'dma_alloc_coherent' | 'alloc_pages', platform: string, policy: string) {
  const list = new RequestList();
  list.allocate(nanoseconds(0), { api, pages: 1, bytes: 4096, owner: 'ring' });
  const { header } = await runPolicy({
    workload: { name: 'ring', requests: list.requests },
    memory: freshBoot(128 * 2 ** 20),
    platform: platformNamed(platform),
    policy: policyNamed(policy),
    seed: 1,
    requests: '',
    isSwiotlbDynamic: true,
  });
  return header.swiotlb;
}

it('a confidential guest has a boot pool under every policy, whatever it asks for; on pkvm it cannot grow', async () => {
  const pool = { bytes: 64 * 2 ** 20, dynamic: false };
  expect(await bouncePoolOf('dma_alloc_coherent', 'pkvm', 'linux-7.3')).toEqual(pool);
  expect(await bouncePoolOf('dma_alloc_coherent', 'pkvm', 'decpool')).toEqual(pool);
  expect(await bouncePoolOf('alloc_pages', 'cca', 'linux-7.3')).toEqual({ ...pool, dynamic: true });
  expect(await bouncePoolOf('alloc_pages', 'none', 'linux-7.3')).toBeUndefined();
});
