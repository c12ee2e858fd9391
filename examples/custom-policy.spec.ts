import { readFileSync } from 'node:fs';
import { churn, requestsHash, runPolicy } from '@decpool/bench';
import { platformNamed } from '@decpool/model';
import { freshBoot, type PolicyFactory, policyNamed } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import custom from './custom-policy.ts';

const workload = churn.generate();

async function figures(policy: PolicyFactory, seed: number): Promise<(id: string) => number> {
  const { metrics } = await runPolicy({
    workload,
    memory: freshBoot(4 * 2 ** 30),
    platform: platformNamed('snp'),
    policy,
    seed,
    requests: requestsHash(workload),
  });
  return (id) => metrics.find((metric) => metric.id === id)?.value ?? Number.NaN;
}

describe('the policy of the example', () => {
  it.each([1, 2, 3])('beats first fit on churn with less shared, seed %d', async (seed) => {
    const firstFit = await figures(policyNamed('first-fit+block+immediate'), seed);
    const own = await figures(custom, seed);
    expect(own('blocks-peak')).toBeLessThan(firstFit('blocks-peak'));
    expect(own('shared-idle-byte-seconds')).toBeLessThanOrEqual(0.9 * firstFit('shared-idle-byte-seconds'));
    expect(own('failures')).toBe(0);
  });

  it('shares at least 5 % fewer blocks at peak than first fit, over three seeds together', async () => {
    const peaks = async (policy: PolicyFactory) => {
      let sum = 0;
      for (const seed of [1, 2, 3]) sum += (await figures(policy, seed))('blocks-peak');
      return sum;
    };
    const firstFit = await peaks(policyNamed('first-fit+block+immediate'));
    expect(await peaks(custom)).toBeLessThanOrEqual(0.95 * firstFit);
  });

  it('is 30 lines or less', () => {
    const text = readFileSync(new URL('./custom-policy.ts', import.meta.url), 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(30);
  });
});
