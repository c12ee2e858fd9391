import { beforeAll, describe, expect, it } from 'vitest';
import type { MetricId } from '../metrics/metric.ts';
import { againstOf, regressionsIn } from './against.ts';
import { deltasText } from './against-text.ts';
import { type Results, resultsOf } from './results.ts';
import { tinyComparison, withValues } from './testing.ts';

let results: Results;
beforeAll(async () => {
  results = resultsOf(await tinyComparison(), 'decpool compare');
});

const splits = (values: number[], of = results): Results => withValues(of, 'splits-2m', [values, [0, 0, 0]]);
const deltaOf = (now: number[], before: number[]) =>
  againstOf(splits(now), splits(before)).deltas.find(({ metric }) => metric.id === 'splits-2m')!;

describe('against an older run', () => {
  it('the same results differ in nothing', () => {
    const { deltas, differences, onlyNow, onlyBefore } = againstOf(results, results);
    expect(deltas).toHaveLength(2 * results.metrics.length);
    expect(new Set(deltas.map(({ change }) => change))).toEqual(new Set(['=']));
    expect([differences, onlyNow, onlyBefore]).toEqual([[], [], []]);
  });

  it('a figure has its older value, its change, and whether that is noise', () => {
    expect(deltaOf([12, 12, 12], [10, 10, 10])).toMatchObject({
      policy: 'gfp-decrypted',
      percent: 20,
      change: '+20%',
      isBetter: false,
    });
    expect(deltaOf([8, 8, 8], [10, 10, 10])).toMatchObject({ change: '-20%', isBetter: true });
    expect(deltaOf([12, 12, 12], [9, 10, 12])).toMatchObject({ isNoise: true });
  });

  it('differences other than the code are named', () => {
    const other = {
      ...results,
      memory: 'other',
      memoryHash: 'b'.repeat(64),
      seeds: [4, 5, 6],
      pageSource: { kernel: '7.x', perCpuLists: true, compaction: false } as const,
      faults: { seed: 1, decrypt: 0.1, encrypt: 0, converted: 0, retries: 1 },
      platform: { ...results.platform, name: 'tdx' },
    };
    expect(againstOf(results, other).differences).toEqual([
      expect.stringMatching(
        /^memory: fresh boot 64 MiB \(made up\) \([0-9a-f]{12}\) now, other \(b{12}\) before$/,
      ),
      'platform: snp now, tdx before',
      expect.stringMatching(/^page source: .* now, Linux 7\.x with per-CPU lists before$/),
      expect.stringMatching(/^faults: none now, .*decrypt=0\.1,.*retries=1/),
      'seeds: 1, 2, 3 now, 4, 5, 6 before',
    ]);
  });

  it('a policy is the same however much of its name was written', () => {
    const named = (name: string): Results => ({
      ...results,
      policies: results.policies.map((policy, index) => (index === 1 ? { ...policy, policy: name } : policy)),
    });
    const against = againstOf(named('first-fit+never-return'), named('first-fit+block+never-return'));
    expect([against.onlyNow, against.onlyBefore]).toEqual([[], []]);
  });

  it('policies that only one run has are named, and runs without one in common refused', () => {
    const [first, second] = results.policies;
    const { onlyNow, onlyBefore } = againstOf(results, { ...results, policies: [second] });
    expect([onlyNow, onlyBefore]).toEqual([[first.policy], []]);
    expect(() => againstOf({ ...results, policies: [first] }, { ...results, policies: [second] })).toThrow(
      'the two runs have no policy in common: gfp-decrypted now, first-fit+block+immediate before',
    );
  });
});

describe('a regression', () => {
  const regressions = (now: number[], before: number[], most = 5) =>
    regressionsIn(againstOf(splits(now), splits(before)), most).map(({ metric }) => metric.id);

  it('is worse by more than the limit', () => {
    expect(regressions([106, 106, 106], [100, 100, 100])).toEqual(['splits-2m']);
    expect(regressions([105, 105, 105], [100, 100, 100])).toEqual([]);
    expect(regressions([50, 50, 50], [100, 100, 100])).toEqual([]);
  });

  it('is beyond the range over the seeds', () => {
    expect(regressions([120, 120, 120], [95, 100, 120])).toEqual([]);
    expect(regressions([121, 121, 121], [95, 100, 120])).toEqual(['splits-2m']);
  });

  it('is anything where there was none', () => {
    expect(regressions([1, 1, 1], [0, 0, 0], 1000)).toEqual(['splits-2m']);
  });

  it('is of a metric that is judged and that tables have', () => {
    const worse = (id: MetricId) =>
      againstOf(
        withValues(results, id, [
          [9, 9, 9],
          [9, 9, 9],
        ]),
        withValues(results, id, [
          [1, 1, 1],
          [1, 1, 1],
        ]),
      );
    expect(regressionsIn(worse('host-calls'), 5)).toHaveLength(2);
    expect(regressionsIn(worse('direct-map-2m'), 5)).toEqual([]);
    expect(regressionsIn(worse('returns-wrong'), 5)).toEqual([]);
  });

  it('is shown with both values, its change and a mark', () => {
    const [delta] = regressionsIn(againstOf(splits([150, 150, 150]), splits([100, 100, 100])), 5);
    expect(deltasText([delta], { columns: 100, isColoured: false })).toMatch(
      /│ gfp-decrypted +│ 2M splits +│ +100 │ +150 │ \+50% ✗ │/,
    );
  });
});
