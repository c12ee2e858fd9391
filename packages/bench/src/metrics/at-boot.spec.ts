import { type LogHeader, nanoseconds, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import { atBootText } from './at-boot-text.ts';
import { metricsOfRun } from './metric.ts';

const MIB = 2 ** 20;
const PAGE = 4096;

/** The metrics of a ring that is allocated and freed in a guest of 4 GiB, and apart from them those of the boot pool. */
function ringUnder(policy: string, swiotlb?: LogHeader['swiotlb'], platform: 'snp' | 'none' = 'snp') {
  const pool = new Pool({
    memory: freshBoot(4096 * MIB),
    platform: platformNamed(platform),
    policy: policyNamed(policy),
    // Few, so that the boot pool's events are in several batches.
    batchRows: 16,
    ...(swiotlb === undefined ? {} : { swiotlb }),
  });
  const metrics = metricsOfRun(pool.header);
  pool.batches$.subscribe((batch) => metrics.observe(batch));
  const { allocation } = pool.alloc_pages(3, { owner: 'ring' });
  pool.free(allocation, nanoseconds(1e9));
  pool.complete();
  const asObject = (values: ReturnType<typeof metrics.atBoot>) =>
    Object.fromEntries(values.map(({ id, value }) => [id, value]));
  return { values: asObject(metrics.values(pool.counters)), atBoot: metrics.atBoot() };
}

const BUFFERS = { bytes: 246 * MIB, dynamic: false };

describe('a boot pool that every policy has', () => {
  it.each([
    'gfp-decrypted',
    'linux-7.3',
    'first-fit+block+never-return',
    'longest-free-range+block+reserve:64:700+immediate',
  ])('leaves the figures of %s as they are without one, and tells its own apart', (policy) => {
    const without = ringUnder(policy);
    const { values, atBoot } = ringUnder(policy, BUFFERS);
    // All that the host can see, and the bounce buffers themselves, are of the guest as a whole.
    const ofGuest = [
      'bounce-bytes',
      'host-may-see',
      'direct-map-4k',
      'direct-map-2m',
      'direct-map-1g',
      'llfree-score',
      'llfree-score-end',
    ];
    for (const [id, value] of Object.entries(values))
      if (!ofGuest.includes(id)) expect([id, value]).toEqual([id, without.values[id]]);
    expect(values['bounce-bytes']).toBe(246 * MIB);
    expect(without.atBoot).toEqual([]);
    const costs = Object.fromEntries(atBoot.map(({ id, value }) => [id, value]));
    expect(costs).toMatchObject({
      ...{ 'splits-2m': 0, 'splits-1g': 1, conversions: 1, 'pages-converted': (246 * MIB) / PAGE },
      ...{ 'host-calls': 2, 'full-flushes': 3, 'mixed-peak': 0, claims: 1 },
    });
    expect(atBootText(atBoot.map(({ id, value }) => [id, value]))).toBe(
      'At boot: 1 1G split, 2 host calls and 3 full TLB flushes, for 246 MiB of swiotlb bounce buffers.',
    );
  });

  it('costs nothing outside a confidential VM', () => {
    const { atBoot } = ringUnder('gfp-decrypted', BUFFERS, 'none');
    expect(atBootText(atBoot.map(({ id, value }) => [id, value]))).toBeUndefined();
  });
});

it('a boot pool that only the policy wants counts in its figures', () => {
  const { values, atBoot } = ringUnder('swiotlb');
  expect(atBoot).toEqual([]);
  expect(values).toMatchObject({
    'splits-1g': 1,
    conversions: 1,
    'blocks-peak': 123,
    'shared-idle-peak': 246 * MIB,
  });
  expect(ringUnder('swiotlb', BUFFERS).values).toMatchObject({
    'splits-1g': 0,
    'blocks-peak': 0,
    'shared-idle-peak': 0,
  });
});
