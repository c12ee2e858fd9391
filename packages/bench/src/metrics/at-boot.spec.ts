import { type LogHeader, nanoseconds, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import { atBootText } from './at-boot-text.ts';
import { metricsOfRun } from './metric.ts';

const MIB = 2 ** 20;
const PAGE = 4096;

/** The metrics of a ring that is allocated and freed in a guest of 4 GiB, and apart from them those of the boot pool. */
function ringUnder(
  policy: string,
  swiotlb?: LogHeader['swiotlb'],
  platform: 'snp' | 'none' = 'snp',
  atomicPools = false,
) {
  const pool = new Pool({
    memory: freshBoot(4096 * MIB),
    platform: platformNamed(platform),
    policy: policyNamed(policy),
    // Few, so that the boot pool's events are in several batches.
    batchRows: 16,
    ...(swiotlb === undefined ? {} : { swiotlb }),
    atomicPools,
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

/** All that the host can see, and the boot pools themselves, are of the guest as a whole. */
const OF_GUEST = [
  'bounce-bytes',
  'bounce-pool-idle-mean',
  'atomic-pool-bytes',
  'atomic-pool-idle-mean',
  'host-may-see',
  'direct-map-4k',
  'direct-map-2m',
  'direct-map-1g',
  'llfree-score',
  'llfree-score-end',
];
const BUFFERS = { bytes: 256 * MIB, dynamic: false };

describe('a boot pool that every policy has', () => {
  it.each([
    'gfp-decrypted',
    'linux-7.3',
    'first-fit+block+never-return',
    'longest-free-range+block+reserve:64:700+immediate',
  ])('leaves the figures of %s as they are without one, and tells its own apart', (policy) => {
    const without = ringUnder(policy);
    const { values, atBoot } = ringUnder(policy, BUFFERS);
    for (const [id, value] of Object.entries(values))
      if (!OF_GUEST.includes(id)) expect([id, value]).toEqual([id, without.values[id]]);
    expect(values['bounce-pool-idle-mean']).toBe(256 * MIB);
    expect(values['bounce-bytes']).toBe(256 * MIB);
    expect(without.atBoot).toEqual([]);
    const costs = Object.fromEntries(atBoot.map(({ id, value }) => [id, value]));
    expect(costs).toMatchObject({
      ...{ 'splits-2m': 0, 'splits-1g': 1, conversions: 1, 'pages-converted': (256 * MIB) / PAGE },
      ...{ 'host-calls': 2, 'full-flushes': 3, 'mixed-peak': 0, claims: 1 },
    });
    expect(atBootText(atBoot.map(({ id, value }) => [id, value]))).toBe(
      'At boot: 1 1G split, 2 host calls and 3 full TLB flushes, for 256 MiB of swiotlb bounce buffers.',
    );
  });

  it('costs nothing outside a confidential VM', () => {
    const { atBoot } = ringUnder('gfp-decrypted', BUFFERS, 'none');
    expect(atBootText(atBoot.map(({ id, value }) => [id, value]))).toBeUndefined();
  });
});

it('what was shared at boot is told with its splits, or that there was none', () => {
  const of = (splits: number, calls: number) =>
    atBootText([
      ['pages-converted', 512],
      ['splits-1g', splits],
      ['host-calls', calls],
      ['full-flushes', 1],
      ['bounce-bytes', 2 * MIB],
    ]);
  expect(of(0, 1)).toBe(
    'At boot: no split, 1 host call and 1 full TLB flush, for 2 MiB of swiotlb bounce buffers.',
  );
  expect(of(1, 2)).toBe(
    'At boot: 1 1G split, 2 host calls and 1 full TLB flush, for 2 MiB of swiotlb bounce buffers.',
  );
  expect(
    atBootText([
      ['pages-converted', 1],
      ['bounce-bytes', 4096],
    ]),
  ).toBe('At boot: no split, for 4 KiB of swiotlb bounce buffers.');
  expect(atBootText([['splits-1g', 1]])).toBeUndefined();
});

const RESERVE = 'first-fit+block+reserve:64:512+immediate';

describe('atomic DMA pools', () => {
  it.each(['gfp-decrypted', 'linux-7.3', 'first-fit+block+never-return'])(
    'leave the figures of %s as they are without them, but for what is idle in them, beside bounce buffers, too',
    (policy) => {
      for (const swiotlb of [undefined, BUFFERS]) {
        const without = ringUnder(policy, swiotlb);
        const { values, atBoot } = ringUnder(policy, swiotlb, 'snp', true);
        // A page table's place decides where the ring lies, and so what it splits.
        for (const id of ['host-calls', 'conversions', 'claims'])
          expect([id, values[id]]).toEqual([id, without.values[id]]);
        const pools = 3 * 128 * 4096;
        for (const id of ['shared-idle-mean', 'shared-idle-peak', 'kept-unused'])
          expect([id, values[id]]).toEqual([id, (without.values[id] ?? 0) + pools]);
        expect(values).toMatchObject({ 'atomic-pool-bytes': pools, 'atomic-pool-idle-mean': pools });
        expect(atBootText(atBoot.map(({ id, value }) => [id, value]))).toMatch(
          swiotlb === undefined
            ? /^At boot: .* for 1.5 MiB of atomic DMA pools\.$/
            : /for 256 MiB of swiotlb bounce buffers and 1.5 MiB of atomic DMA pools\.$/,
        );
      }
    },
  );

  it('are not made under a policy that replaces them: its reserve is in its figures', () => {
    const { values, atBoot } = ringUnder(RESERVE, undefined, 'snp', true);
    expect(values).toEqual(ringUnder(RESERVE).values);
    expect(atBootText(atBoot.map(({ id, value }) => [id, value]))).toBeUndefined();
  });
});

it('the boot pool that a policy serves its requests from is apart, too', () => {
  const { values, atBoot } = ringUnder('swiotlb');
  expect(ringUnder('swiotlb', BUFFERS)).toEqual({ values, atBoot });
  expect(Object.fromEntries(atBoot.map(({ id, value }) => [id, value]))).toMatchObject({
    'splits-1g': 1,
    'pages-converted': (256 * MIB) / PAGE,
  });
  expect(values).toMatchObject({ 'splits-1g': 0, conversions: 0, 'blocks-peak': 0, 'shared-idle-peak': 0 });
});
