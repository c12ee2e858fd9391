import { nanoseconds, platformNamed } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestList } from '../workloads/request-list.ts';
import { workload } from '../workloads/workload.ts';
import { compare } from './compare.ts';
import { dominates, rank } from './ranking.ts';

const values = fc.array(fc.nat(3), { minLength: 3, maxLength: 3 });

describe('dominance', () => {
  it('is to be at least as good in all, and better in one', () => {
    expect(dominates([1, 2, 3], [1, 2, 4])).toBe(true);
    expect(dominates([1, 2, 3], [1, 2, 3])).toBe(false);
    expect(dominates([0, 9, 0], [1, 2, 3])).toBe(false);
  });

  it('is never mutual, and goes on from one to the next', () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        expect(dominates(a, b) && dominates(b, a)).toBe(false);
        if (dominates(a, b) && dominates(b, c)) expect(dominates(a, c)).toBe(true);
      }),
    );
  });
});

describe('a ranking', () => {
  const list = new RequestList();
  const wanted = { api: 'alloc_pages', pages: 1, bytes: 4096, owner: 'ring' } as const;
  const held = Array.from({ length: 5 }, (_, time) => list.allocate(nanoseconds(time), wanted));
  for (const allocation of held) list.free(nanoseconds(1_000_000), allocation);
  const policies = [
    'linux-7.3',
    'gfp-decrypted',
    'swiotlb',
    'first-fit+block+immediate',
    'best-fit+block+immediate',
    'first-fit+block+never-return',
    'first-fit+page+immediate',
  ];
  const ranking = async (platform: 'snp' | 'cca', all = policies) =>
    rank(
      await compare({
        name: 'rings',
        workload: workload({ name: 'rings', description: 'Rings.', requests: list.requests, notes: [] }),
        memory: freshBoot(256 * 2 ** 20),
        platform: platformNamed(platform),
        policies: all,
        seeds: [1],
        notes: [],
      }),
    );

  it('has every policy once: on a front, in a row with those of the same figures, or among those that refused', async () => {
    const { ranked, refused } = await ranking('snp');
    expect([...ranked.flatMap(({ policies: names }) => names), ...refused].sort()).toEqual(
      [...policies].sort(),
    );
    const row = ranked.find(({ policies: names }) => names.includes('first-fit+block+immediate'));
    expect(row?.policies).toContain('best-fit+block+immediate');
  });

  it('has nobody on the first front who is beaten, and behind it nobody who is not', async () => {
    const { ranked } = await ranking('snp');
    for (const { front, values: own } of ranked) {
      const better = ranked.filter((other) => dominates(other.values, own));
      expect(better.length > 0).toBe(front > 1);
      for (const other of better) expect(other.front).toBeLessThan(front);
    }
    expect(ranked[0].front).toBe(1);
  });

  it('has fewer splits before more, whatever is idle and however many calls there are', async () => {
    const { ranked } = await ranking('snp');
    const splits = ranked.map(({ values: [first] }) => first);
    expect(splits).toEqual([...splits].sort((a, b) => a - b));
    expect(new Set(splits).size).toBeGreaterThan(1);
  });

  it('counts splits where there are large pages, and mixed ranges where there are none to split', async () => {
    expect((await ranking('snp')).objectives.map(({ id }) => id)).toEqual([
      'splits-2m',
      'shared-idle-byte-seconds',
      'host-calls',
    ]);
    expect((await ranking('cca')).objectives[0].id).toBe('mixed-peak');
  });
});
